"""`batuta user` and `batuta apikey`: who may come in."""

import random
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from batuta.cli import running

if TYPE_CHECKING:
    from batuta.identity.domain import ApiKey, MadeApiKey, Staff
    from batuta.identity.queries import Shown
    from batuta.plumbing.database import Connection

ACTOR = "system:cli"
ROLES = ("admin", "operator", "agent", "picker", "store", "finance", "viewer")
LISTED_MAX = 100_000
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")

_chance = random.SystemRandom()


def tell_shown(shown: "Shown") -> None:
    """Print the demo company's sign-ins and keys; without any sign-in at all, how to make one."""
    if shown.sign_ins:
        click.echo("\nsign in as one of the demo company (made up for this installation, shown until changed):")
        for one in shown.sign_ins:
            click.echo(f"  {one.role:9} {one.email:40} {one.password}")
    if shown.keys:
        click.echo("\nor ask with a key, as `Authorization: Bearer …`:")
        for key in shown.keys:
            click.echo(f"  {key.name:18} {key.secret}")
    if not shown.can_anybody:
        click.echo("\nnobody can sign in yet: batuta user add you@example.com --name You --role admin")


@click.group()
def user() -> None:
    """Staff: who may sign in, as what and where."""


@user.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--location", "locations", multiple=True, metavar="CODE", help="Where they work; none is everywhere.")
@click.option("--channel", "channels", multiple=True, metavar="CODE", help="For which channels; none is all.")
@click.option("--locale", default="en", show_default=True, help="Language of their pages: en or es.")
@click.option("--refund-limit", type=int, metavar="MINOR", help="The most they may refund at once, in cents.")
def add_user(
    email: str,
    *,
    name: str,
    role: str,
    locations: Sequence[str],
    channels: Sequence[str],
    locale: str,
    refund_limit: int | None,
) -> None:
    """Let somebody in; their password is asked for, or read from standard input."""
    password = _password()
    limits = {} if refund_limit is None else {"payments.refund": refund_limit}
    given = {"email": email, "name": name, "role": role, "locale": locale, "limits": limits}
    saved = running.run(_add_user(given, locations, channels, password))
    click.echo(f"{saved.email} may sign in as {saved.role}")


@user.command("list")
@AS_JSON
def list_users(*, as_json: bool) -> None:
    """Show everybody who works or worked here."""
    for one in running.run(_users()):
        if as_json:
            _tell_json(one)
            continue
        count = len(one.location_ids or ())
        places = f"  at {count} location{'' if count == 1 else 's'}" if count else ""
        state = "" if one.is_active else "  (inactive)"
        click.echo(f"{one.email}  {one.role}  {one.name}{places}{state}")


@user.command("deactivate")
@click.argument("email")
def deactivate_user(email: str) -> None:
    """Shut somebody out at once; facts that name them stay."""
    running.run(_deactivate(email))
    click.echo(f"{email} may not sign in any more")


@user.command("password")
@click.argument("email")
def password_of_user(email: str) -> None:
    """Give somebody a new password, which signs them out; it is asked for, or read from standard input."""
    running.run(_give_password(email, _password()))
    click.echo(f"{email} has a new password")


@click.group()
def apikey() -> None:
    """API keys: what programs may do."""


@apikey.command("add")
@click.argument("name")
@click.option("--may", "permissions", multiple=True, metavar="PERMISSION", help="As orders.place; many times.")
@click.option("--storefront", is_flag=True, help="All that the front of a shop needs.")
@click.option("--everything", is_flag=True, help="All that there is.")
@click.option("--channel", "channels", multiple=True, metavar="CODE", help="For which channels; none is all.")
@click.option("--location", "locations", multiple=True, metavar="CODE", help="At which locations; none is all.")
@click.option("--days", type=click.IntRange(1, 36_500), help="How long it is valid; unless said, until revoked.")
def add_key(
    name: str,
    *,
    permissions: Sequence[str],
    storefront: bool,
    everything: bool,
    channels: Sequence[str],
    locations: Sequence[str],
    days: int | None,
) -> None:
    """Make a key and print it, this once."""
    from batuta.identity.domain import PERMISSIONS, STOREFRONT

    wanted = set(permissions) | (STOREFRONT if storefront else set()) | (PERMISSIONS if everything else set())
    if not wanted:
        raise click.UsageError("say what the key may do: --may orders.place, --storefront or --everything")
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    made = running.run(_add_key({"name": name, "permissions": wanted, "expires_at": expires_at}, channels, locations))
    click.echo(made.secret)


@apikey.command("list")
@AS_JSON
def list_keys(*, as_json: bool) -> None:
    """Show all keys, those that are revoked or over too; their secrets are not kept."""
    now = datetime.now(UTC)
    for one in running.run(_keys()):
        if as_json:
            _tell_json(one)
            continue
        state = "in force" if one.holds(now=now) else "revoked" if one.revoked_at else "over"
        used = f"{one.last_used_at:%Y-%m-%d %H:%M}" if one.last_used_at else "never"
        click.echo(f"{one.id}  {one.name}  {state}  last used {used}  {', '.join(sorted(one.permissions))}")


@apikey.command("revoke")
@click.argument("key_id", metavar="ID", type=click.UUID)
def revoke_key(key_id: UUID) -> None:
    """Revoke a key; every process hears of it within five seconds."""
    revoked = running.run(_revoke(key_id))
    click.echo(f"{revoked.name} is revoked")


def _password() -> str:
    if sys.stdin.isatty():
        given: str = click.prompt("password", hide_input=True, confirmation_prompt=True)
        return given
    return sys.stdin.readline().rstrip("\n")


def _tell_json(one: object) -> None:
    import msgspec

    click.echo(msgspec.json.encode(one))


async def _add_user(
    given: Mapping[str, Any], locations: Sequence[str], channels: Sequence[str], password: str
) -> "Staff":
    import msgspec

    from batuta.identity.commands import admit, set_password
    from batuta.identity.domain import ROLE_PERMISSIONS, Rights, Role, Staff
    from batuta.identity.domain.passwords import check_password
    from batuta.kernel.ids import new_id
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    now = datetime.now(UTC)
    check_password(password, email=given["email"])
    async with join_database(running.loaded().settings) as database:
        async with database.engine.begin() as db:
            await expect_newest(db)
            ids = {"location_ids": await _locations(db, locations), "channel_ids": await _channels(db, channels)}
            staff = msgspec.convert({"id": new_id(now, _chance), **given, **ids}, Staff)
            by = Rights(permissions=ROLE_PERMISSIONS[Role.ADMIN])
            saved = await admit(db, staff=staff, by=by, actor=ACTOR, now=now)
        return await set_password(
            database.engine, staff_id=saved.id, password=password, actor=ACTOR, chance=_chance, now=now
        )


async def _users() -> "list[Staff]":
    from batuta.identity.queries import staff_after
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.connect() as db:
        await expect_newest(db)
        return await staff_after(db, "", limit=LISTED_MAX)


async def _deactivate(email: str) -> None:
    import msgspec

    from batuta.identity.commands import admit
    from batuta.identity.domain import ROLE_PERMISSIONS, Rights, Role
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        gone = msgspec.structs.replace(await _known(db, email), is_active=False)
        by = Rights(permissions=ROLE_PERMISSIONS[Role.ADMIN])
        await admit(db, staff=gone, by=by, actor=ACTOR, now=datetime.now(UTC))


async def _give_password(email: str, password: str) -> None:
    from batuta.identity.commands import set_password
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database:
        async with database.engine.connect() as db:
            await expect_newest(db)
            staff = await _known(db, email)
        now = datetime.now(UTC)
        await set_password(database.engine, staff_id=staff.id, password=password, actor=ACTOR, chance=_chance, now=now)


async def _add_key(given: Mapping[str, Any], channels: Sequence[str], locations: Sequence[str]) -> "MadeApiKey":
    import msgspec

    from batuta.identity.commands import make_key
    from batuta.identity.domain import NewApiKey
    from batuta.kernel.errors import Invalid
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        ids = {"location_ids": await _locations(db, locations), "channel_ids": await _channels(db, channels)}
        try:
            new = msgspec.convert({**given, **ids}, NewApiKey)
        except msgspec.ValidationError as problem:
            raise Invalid(str(problem)) from problem
        return await make_key(db, new=new, actor=ACTOR, chance=_chance, now=datetime.now(UTC))


async def _keys() -> "list[ApiKey]":
    from batuta.identity.queries import keys_after
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.connect() as db:
        await expect_newest(db)
        return await keys_after(db, UUID(int=0), limit=LISTED_MAX)


async def _revoke(key_id: UUID) -> "ApiKey":
    from batuta.identity.commands import revoke_keys
    from batuta.kernel.errors import BatutaError
    from batuta.plumbing.migrate import expect_newest
    from batuta.plumbing.opening import join_database

    async with join_database(running.loaded().settings) as database, database.engine.begin() as db:
        await expect_newest(db)
        [answer] = await revoke_keys(db, ids=[key_id], actor=ACTOR, now=datetime.now(UTC))
        if isinstance(answer, BatutaError):
            raise answer
        return answer


async def _known(db: "Connection", email: str) -> "Staff":
    from batuta.identity.domain import NoSuchStaff
    from batuta.identity.queries import staff_by_email

    found = (await staff_by_email(db, [email])).get(email.lower())
    if found is None:
        raise NoSuchStaff("nobody has this e-mail", email=email)
    return found


async def _locations(db: "Connection", codes: Sequence[str]) -> set[UUID]:
    from batuta.locations.queries import locations_by_code

    return _ids("location", codes, await locations_by_code(db, codes))


async def _channels(db: "Connection", codes: Sequence[str]) -> set[UUID]:
    from batuta.company.queries import channels_by_code

    return _ids("channel", codes, await channels_by_code(db, codes))


def _ids(kind: str, codes: Sequence[str], found: Mapping[str, Any]) -> set[UUID]:
    from batuta.kernel.errors import NotFound

    if missing := sorted(set(codes) - set(found)):
        raise NotFound(f"there is no {kind} of this code", missing=missing)
    return {found[code].id for code in codes}
