"""Staff as saved and read back, on a real PostgreSQL."""

import msgspec

from batuta.identity.commands import save_staff
from batuta.identity.domain import BadStaff, EmailTaken, Role, Staff
from batuta.identity.queries import active_staff, staff_by_email, staff_by_id
from batuta.plumbing.database import Connection
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
