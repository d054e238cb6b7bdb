"""The order list as it is drawn."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.ordering.domain import Order
from batuta.payments.domain import Balance
from batuta.payments.queries import balances
from batuta.plumbing.database import Connection
from batuta.plumbing.web.callers import Caller
from batuta.plumbing.web.paging import BadCursor, cursor_of, read_cursor
from batuta.web.catalogue import Speech
from batuta.web.pills import Pill, money_pill, pill, status_pill
from batuta.web.queries import Home, OrdersWanted, View, channel_choices, homes_of, orders_wanted

PAGE_ROWS = 25
WORDS_LENGTH_MAX = 200
PATH = "/"
FIRST_YEAR, LAST_YEAR = 1970, 2999
"""Days that every time zone and the database can count with."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the address of the list, as it came."""

    view: str = ""
    q: str = ""
    channel: str = ""
    since: str = ""
    until: str = ""
    before: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An order in the list."""

    number: str
    placed: str
    placed_wholly: str
    placed_iso: str
    customer: str
    place: str
    channel: str
    units: str
    status: Pill
    money: Pill
    goods: Pill
    total: str


class Tab(msgspec.Struct, frozen=True):
    """A view to choose."""

    word: str
    address: str
    is_chosen: bool


class Choice(msgspec.Struct, frozen=True):
    """A channel to choose."""

    code: str
    name: str
    is_chosen: bool


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the list."""

    asked: Asked
    tabs: Sequence[Tab]
    channels: Sequence[Choice]
    rows: Sequence[Row]
    is_narrowed: bool
    has_bad_day: bool
    clear_address: str
    older_address: str | None
    newest_address: str | None


async def listing(db: Connection, caller: Caller, asked: Asked, speech: Speech) -> Listing:
    """The page of the list that an address asks for; what cannot be read of the address is left out."""
    channels = await channel_choices(db, caller.channel_ids)
    homes = await homes_of(db, [one.id for one in channels])
    zone = next(iter(homes.values())).zone if homes else speech.zone
    since, until = _day(asked.since), _day(asked.until)
    chosen = {one.id for one in channels if one.code == asked.channel}
    wanted = OrdersWanted(
        view=View(asked.view) if asked.view in set(View) else View.ALL,
        words=" ".join(asked.q.split())[:WORDS_LENGTH_MAX].removeprefix("#"),
        channel_ids=chosen or caller.channel_ids,
        location_ids=caller.location_ids,
        from_at=_midnight(since, zone),
        until_at=_midnight(until + timedelta(days=1) if until else None, zone),
        before=_place(asked.before),
    )
    found = await orders_wanted(db, wanted, limit=PAGE_ROWS + 1)
    page, is_more = found[:PAGE_ROWS], len(found) > PAGE_ROWS
    money = await balances(db, [one.id for one in page]) if page else {}
    last = cursor_of((page[-1].placed_at, page[-1].id)) if is_more else ""
    return Listing(
        asked=asked,
        tabs=[
            Tab(speech(f"orders.view.{one}"), _address(asked, view=one, before=""), one is wanted.view) for one in View
        ],
        channels=[Choice(one.code, one.name, one.id in chosen) for one in channels],
        rows=[_row(one, homes, money, speech) for one in page],
        is_narrowed=bool(wanted.words or chosen or since or until),
        has_bad_day=bool((asked.since and not since) or (asked.until and not until)),
        clear_address=_address(Asked(), view=wanted.view),
        older_address=_address(asked, before=last) if is_more else None,
        newest_address=_address(asked, before="") if wanted.before else None,
    )


def _row(order: Order, homes: Mapping[UUID, Home], money: Mapping[UUID, Balance], speech: Speech) -> Row:
    home = homes.get(order.channel_id)
    local = Speech(speech.language, home.zone, speech.now) if home else speech
    live = sum(line.quantity for line in order.lines)
    return Row(
        number=order.number,
        placed=local.moment(order.placed_at),
        placed_wholly=local.zoned(order.placed_at),
        placed_iso=order.placed_at.isoformat(),
        customer=order.ship_to.company or order.ship_to.name or order.email or speech("order.guest"),
        place=order.ship_to.city,
        channel=home.channel.name if home else "",
        units=speech.number(live),
        status=status_pill(speech, order),
        money=money_pill(speech, money.get(order.id)),
        goods=pill(speech, "goods", order.fulfillment),
        total=speech.money(order.gross_minor, order.currency),
    )


def _address(asked: Asked, **changes: object) -> str:
    given = msgspec.structs.asdict(asked) | {name: str(value) for name, value in changes.items()}
    if given["view"] == View.ALL:
        given["view"] = ""
    kept = {name: value for name, value in given.items() if value}
    return f"{PATH}?{urlencode(kept)}" if kept else PATH


def _day(given: str) -> date | None:
    try:
        day = date.fromisoformat(given)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=zone) if day else None


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    """Where a page begins; an address that somebody has shortened begins at the top."""
    try:
        return read_cursor(cursor, tuple[datetime, UUID])
    except BadCursor:
        return None
