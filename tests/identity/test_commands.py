"""Staff as saved and read back, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from batuta.identity.commands import (
    admit,
    begin_session,
    forget_allowances,
    forget_begun,
    forget_sessions,
    give_back,
    keep_begun,
    make_key,
    make_up_passwords,
    revoke_keys,
    save_staff,
    set_password,
    sign_in,
    take,
    take_begun,
)
from batuta.identity.domain import (
    Allowance,
    BadStaff,
    EmailTaken,
    LastAdmin,
    NewApiKey,
    OpenIdRefused,
    Role,
    SignIn,
    Staff,
    TooManySignIns,
    Visitor,
)
from batuta.identity.domain.openid import begin
from batuta.identity.domain.sessions import hash_of
from batuta.identity.queries import (
    active_staff,
    credentials_of,
    session_by_hash,
    shown_of_demo,
    staff_by_email,
    staff_by_id,
)
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from tests.identity.given import ALL, CHANCE, PASSWORD, fresh_address, somebody
from tests.making import NOW, fresh_code, fresh_id


def a_picker() -> Staff:
    return Staff(
        id=fresh_id(),
        email=f"{fresh_code('picker')}@example.com",
        name="Marta Ruiz",
        role=Role.PICKER,
        location_ids=frozenset({fresh_id(), fresh_id()}),
        locale="es",
    )


async def test_staff_are_found_by_e_mail_in_any_case(db: Connection) -> None:
    picker = a_picker()

    [saved] = await save_staff(db, staff=[msgspec.structs.replace(picker, email=picker.email.upper())], now=NOW)

    assert saved == picker
    assert await staff_by_email(db, [picker.email.upper(), "nobody@example.com"]) == {picker.email: picker}
    assert await staff_by_id(db, [picker.id]) == {picker.id: picker}


async def test_who_leaves_is_kept_but_not_active(db: Connection) -> None:
    picker, stays = a_picker(), a_picker()
    await save_staff(db, staff=[picker, stays], now=NOW)

    await save_staff(db, staff=[msgspec.structs.replace(picker, is_active=False)], now=NOW)

    active = {one.id for one in await active_staff(db)}
    assert stays.id in active
    assert picker.id not in active
    assert picker.id in await staff_by_id(db, [picker.id])


async def test_an_e_mail_names_one_member_of_staff(db: Connection) -> None:
    picker, other = a_picker(), a_picker()
    await save_staff(db, staff=[picker], now=NOW)

    answers = await save_staff(
        db,
        staff=[
            msgspec.structs.replace(other, email=picker.email),
            other,
            msgspec.structs.replace(other, id=fresh_id()),
            msgspec.structs.replace(other, email="nobody"),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [EmailTaken, Staff, EmailTaken, BadStaff]


async def test_a_picker_without_a_location_is_refused_and_an_operator_works_everywhere(db: Connection) -> None:
    picker = msgspec.structs.replace(a_picker(), location_ids=frozenset())
    operator = msgspec.structs.replace(picker, role=Role.OPERATOR)

    answers = await save_staff(db, staff=[picker, operator], now=NOW)

    assert isinstance(answers[0], BadStaff)
    assert answers[1] == operator
    assert operator.works_at(fresh_id())
    assert not a_picker().works_at(fresh_id())
    assert operator.actor == f"staff:{operator.email}"


async def test_somebody_is_left_who_can_let_others_in(engine: Engine) -> None:
    """Two admins who shut each other out at the same moment do not leave the house without one."""
    async with engine.begin() as db:
        before = await db.scalars(text("SELECT id FROM identity.staff WHERE role = 'admin' AND is_active"))
    one, other = await somebody(engine, password=None), await somebody(engine, password=None)

    async def shut_out(staff: Staff) -> BatutaError | Staff:
        try:
            async with engine.begin() as db:
                await db.execute(
                    text("UPDATE identity.staff SET is_active = false WHERE id = ANY(:ids)"), {"ids": list(before)}
                )
                gone = msgspec.structs.replace(staff, is_active=False)
                saved = await admit(db, staff=gone, by=ALL, actor="test:house", now=NOW)
                await db.execute(
                    text("UPDATE identity.staff SET is_active = true WHERE id = ANY(:ids)"), {"ids": list(before)}
                )
                return saved
        except LastAdmin as refusal:
            return refusal

    answers = await asyncio.gather(shut_out(one), shut_out(other))

    assert sorted(type(answer).__name__ for answer in answers) == ["LastAdmin", "Staff"]


async def test_facts_tell_who_let_whom_in_and_what_changed(engine: Engine) -> None:
    """PLT-06."""
    staff = await somebody(engine, Role.AGENT)
    async with engine.begin() as db:
        await admit(db, staff=staff, by=ALL, actor="staff:ines", now=NOW)
        await admit(db, staff=msgspec.structs.replace(staff, role=Role.VIEWER), by=ALL, actor="staff:ines", now=NOW)
        made = await make_key(
            db,
            new=NewApiKey(name=fresh_code("key"), permissions=frozenset({"orders.read"})),
            actor="staff:ines",
            chance=CHANCE,
            now=NOW,
        )
        await revoke_keys(db, ids=[made.key.id], actor="staff:ines", now=NOW)
        facts = await facts_of(db, [staff.id, made.key.id])

    assert [fact.name for fact in facts[staff.id]] == [
        "identity.staff_saved",
        "identity.password_changed",
        "identity.staff_saved",
    ]
    assert facts[staff.id][-1].data["role"] == "viewer"
    assert [fact.name for fact in facts[made.key.id]] == ["identity.key_made", "identity.key_revoked"]
    assert made.secret not in str(facts)


async def test_a_password_hashed_at_another_cost_is_hashed_anew_when_it_is_used(engine: Engine) -> None:
    staff = await somebody(engine)
    weaker = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    async with engine.begin() as db:
        await db.execute(
            text("UPDATE identity.password SET hashed = :hashed WHERE staff_id = :id"),
            {"hashed": weaker, "id": staff.id},
        )
    given = SignIn(email=staff.email, password=PASSWORD)

    await sign_in(engine, given=given, visitor=Visitor(address=fresh_address()), chance=CHANCE, now=datetime.now(UTC))

    async with engine.connect() as db:
        known = await credentials_of(db, staff.email)
    assert known is not None
    assert "m=19456,t=2" in str(known.hashed)


async def test_processes_share_an_allowance_and_time_fills_it_again(engine: Engine) -> None:
    allowance = Allowance(name=fresh_code("allowance"), burst=7, each=timedelta(seconds=10))

    waits_s: list[int] = []

    async def try_at(now: datetime) -> bool:
        try:
            async with engine.begin() as db:
                await take(db, allowance, refusal=TooManySignIns, now=now)
        except TooManySignIns as refusal:
            waits_s.append(refusal.retry_after_s)
            return False
        return True

    at_once = await asyncio.gather(*(try_at(NOW) for _ in range(50)))
    later = [await try_at(NOW + timedelta(seconds=10)) for _ in range(2)]
    async with engine.begin() as db:
        await give_back(db, [allowance])

    assert sum(at_once) == 7
    assert later == [True, False]
    assert set(waits_s) == {10}
    assert await try_at(NOW + timedelta(seconds=10))


async def test_what_is_long_over_is_forgotten(db: Connection) -> None:
    long_ago = NOW - timedelta(days=31)
    staff = a_picker()
    await save_staff(db, staff=[staff], now=long_ago)
    visitor = Visitor(address="192.0.2.7", browser="x")
    begun = [
        await begin_session(db, staff=staff, visitor=visitor, way="password", chance=CHANCE, now=at)
        for at in (long_ago, NOW - timedelta(days=29))
    ]
    started = begin(CHANCE, return_to="/")
    await keep_begun(db, begun=started, browser="x", now=long_ago)
    unused = Allowance(name=fresh_code("allowance"), burst=1, each=timedelta(seconds=1))
    await take(db, unused, refusal=TooManySignIns, now=long_ago)

    for forget in (forget_sessions, forget_begun, forget_allowances):
        assert await forget(db, now=NOW, limit=500) >= 1
    assert await session_by_hash(db, hash_of(begun[0].token)) is None
    assert await session_by_hash(db, hash_of(begun[1].token)) is not None
    with pytest.raises(OpenIdRefused):
        await take_begun(db, state=started.state, browser="x", now=long_ago)


async def test_people_of_the_demo_company_have_made_up_passwords_until_they_change_them(engine: Engine) -> None:
    staff = await somebody(engine, password=None)
    now = datetime.now(UTC)
    async with engine.begin() as db:
        await make_up_passwords(db, staff=[staff], chance=CHANCE, now=now)
        shown = {one.email: one.password for one in (await shown_of_demo(db)).sign_ins}[staff.email]
    given = SignIn(email=staff.email, password=shown)
    visitor = Visitor(address=fresh_address())

    assert (await sign_in(engine, given=given, visitor=visitor, chance=CHANCE, now=now)).staff == staff
    await set_password(engine, staff_id=staff.id, password=PASSWORD, actor="x", chance=CHANCE, now=now)
    async with engine.connect() as db:
        assert staff.email not in {one.email for one in (await shown_of_demo(db)).sign_ins}
        assert shown not in str(await db.scalars(text("SELECT password::text FROM identity.password")))
