"""What carriers report: many scans at once, in any order and as often as they like (SHP-03)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from batuta.kernel.errors import Forbidden, Refused
from batuta.kernel.quantities import Code
from batuta.plumbing.batching import Batcher
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import AnyRequest, Caller, batched, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import sees_all
from batuta.shipping.commands import record_tracking
from batuta.shipping.domain import ParcelStatus, Recorded, Scan, UnknownParcel

SCANS_MAX = 1_000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_ERROR_MAX = timedelta(days=1)


class BadScan(Refused):
    """No carrier's clock says this."""


class NotForSome(Forbidden):
    """Carriers speak of parcels of all channels and locations, so only who sees all of them may."""


class ScanBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report, as the carrier makes it.

    raw_code: the carrier's own, or `status` or `status:detail` in our words (`delivered`, `exception:damaged`).
    happened_at: with the carrier's offset.
    """

    carrier_code: Code
    tracking_number: Code
    raw_code: Code
    happened_at: Annotated[datetime, msgspec.Meta(tz=True)]
    place: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class TrackingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    scans: Annotated[tuple[ScanBody, ...], msgspec.Meta(min_length=1, max_length=SCANS_MAX)]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a scan.

    outcome: `recorded`; `known`, for it was recorded before; `kept`, until a parcel has its number.
    status: of the parcel, after all these scans.
    """

    outcome: Literal["recorded", "known", "kept"]
    parcel_id: UUID | None = None
    status: ParcelStatus | None = None


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome for each scan, in their order."""

    outcomes: list[Told]


@post("/api/tracking", status_code=200, guards=[requires("shipping.track")])
async def record_scans(
    request: AnyRequest, caller: NamedDependency[Caller], data: JSONBody[TrackingBody]
) -> Response[Tracked]:
    """Book what carriers reported. Late, repeated and shuffled reports end the same; no scan is ever lost."""
    if not sees_all(caller):
        raise NotForSome("only who sees the parcels of all channels and locations reports tracking")
    now = moment()
    return await batched(request, tracking, tuple(_scan(i, one, now) for i, one in enumerate(data.scans)))


def tracking(engine: Engine) -> Batcher[tuple[Scan, ...], Tracked]:
    """Requests that arrive together are recorded together."""
    return Batcher(engine, _record, name="tracking", weight=len)


async def _record(db: Connection, items: Sequence[tuple[Scan, ...]], now: datetime) -> list[Tracked]:
    outcomes = iter(await record_tracking(db, scans=[scan for scans in items for scan in scans], now=now))
    return [Tracked(outcomes=[_told(one) for one in islice(outcomes, len(scans))]) for scans in items]


def _told(outcome: Recorded | UnknownParcel) -> Told:
    if isinstance(outcome, UnknownParcel):
        return Told(outcome="kept")
    return Told(outcome="recorded" if outcome.is_new else "known", parcel_id=outcome.parcel_id, status=outcome.status)


def _scan(position: int, one: ScanBody, now: datetime) -> Scan:
    """Raises:
    BadScan: it happened tomorrow, or in another century.
    """
    if not EARLIEST <= one.happened_at <= now + CLOCK_ERROR_MAX:
        facts = {"position": position, "happened_at": one.happened_at.isoformat()}
        raise BadScan("a scan happened when the carrier says, which is not then", **facts)
    return Scan(
        carrier_code=one.carrier_code,
        tracking_number=one.tracking_number,
        raw_code=one.raw_code,
        happened_at=one.happened_at,
        place=one.place,
        received_at=now,
    )
