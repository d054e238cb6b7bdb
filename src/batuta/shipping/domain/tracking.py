"""Tracking: what carriers report, in our words, and what a set of reports says about a parcel."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from batuta.kernel.errors import NotFound
from batuta.kernel.quantities import Code
from batuta.shipping.domain.parcels import ParcelStatus


class TrackingStatus(StrEnum):
    """What a carrier's report means (SHP-02)."""

    PRE_TRANSIT = "pre_transit"
    ACCEPTED = "accepted"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPT_FAILED = "attempt_failed"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURNING = "returning"
    RETURNED = "returned"
    LOST = "lost"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class TrackingDetail(StrEnum):
    """Why or how, beside the status (SHP-02)."""

    NONE = ""
    ADDRESS_INCOMPLETE = "address_incomplete"
    ADDRESS_WRONG = "address_wrong"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    RECIPIENT_ABSENT = "recipient_absent"
    RECIPIENT_MOVED = "recipient_moved"
    BUSINESS_CLOSED = "business_closed"
    NO_ACCESS = "no_access"
    REFUSED = "refused"
    DAMAGED = "damaged"
    PARTLY_MISSING = "partly_missing"
    STOLEN = "stolen"
    DESTROYED = "destroyed"
    CUSTOMS = "customs"
    CUSTOMS_RELEASED = "customs_released"
    HELD_FOR_PAYMENT = "held_for_payment"
    HELD_FOR_DOCUMENTS = "held_for_documents"
    HELD_AT_DEPOT = "held_at_depot"
    SECURITY = "security"
    WEATHER = "weather"
    STRIKE = "strike"
    HOLIDAY = "holiday"
    VEHICLE = "vehicle"
    MISSED_CONNECTION = "missed_connection"
    MISSORTED = "missorted"
    DELAYED = "delayed"
    RESCHEDULED = "rescheduled"
    REDIRECTED = "redirected"
    LEFT_WITH_NEIGHBOUR = "left_with_neighbour"
    LEFT_SAFE = "left_safe"
    LOCKER = "locker"
    PICKUP_POINT = "pickup_point"
    SIGNED = "signed"
    IDENTITY_CHECKED = "identity_checked"
    CASH_COLLECTED = "cash_collected"
    NOT_COLLECTED = "not_collected"
    NO_SCAN = "no_scan"


class UnknownParcel(NotFound):
    """No parcel has this tracking number yet; the scan is kept and applied when one appears."""


class TrackingCode(msgspec.Struct, frozen=True, kw_only=True):
    """What one code of a carrier means."""

    carrier_id: UUID
    raw_code: Code
    status: TrackingStatus
    detail: TrackingDetail = TrackingDetail.NONE


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One report of a carrier, as the carrier sent it. happened_at: with the carrier's own offset."""

    carrier_code: Code
    tracking_number: Code
    raw_code: Code
    happened_at: Annotated[datetime, msgspec.Meta(tz=True)]
    received_at: Annotated[datetime, msgspec.Meta(tz=True)]
    place: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class Recorded(msgspec.Struct, frozen=True):
    """The scan is on record. is_new: False for one that was known. status: of the parcel, after the whole batch."""

    parcel_id: UUID
    status: ParcelStatus
    is_new: bool


class SeenScan(msgspec.Struct, frozen=True, kw_only=True):
    """A scan on record, told in our words beside the carrier's. happened_at keeps the carrier's offset."""

    happened_at: datetime
    status: TrackingStatus
    detail: str
    raw_code: str
    place: str
    received_at: datetime


class Report(msgspec.Struct, frozen=True, gc=False):
    """A scan in our words."""

    happened_at: datetime
    status: TrackingStatus
    detail: str
    raw_code: str = ""
    place: str = ""


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What our doings and the carrier's reports say together about a parcel. taken_at: first moved by the carrier."""

    status: ParcelStatus
    carrier_status: str = ""
    carrier_detail: str = ""
    carrier_at: datetime | None = None
    exception_code: str = ""
    exception_at: datetime | None = None
    taken_at: datetime | None = None
    delivered_at: datetime | None = None
    ended_at: datetime | None = None


# SHP-03: a parcel's status is the one of highest precedence among what we did and what was reported.
PRECEDENCE: Mapping[ParcelStatus, int] = {
    status: rank
    for rank, status in enumerate(
        (
            ParcelStatus.OPEN,
            ParcelStatus.CLOSED,
            ParcelStatus.LABELLED,
            ParcelStatus.MANIFESTED,
            ParcelStatus.VOIDED,
            ParcelStatus.IN_TRANSIT,
            ParcelStatus.OUT_FOR_DELIVERY,
            ParcelStatus.AVAILABLE_FOR_PICKUP,
            ParcelStatus.EXCEPTION,
            ParcelStatus.LOST,
            ParcelStatus.DELIVERED,
            ParcelStatus.RETURNING,
            ParcelStatus.RETURNED,
        )
    )
}

MEANINGS: Mapping[TrackingStatus, ParcelStatus] = {
    TrackingStatus.ACCEPTED: ParcelStatus.IN_TRANSIT,
    TrackingStatus.IN_TRANSIT: ParcelStatus.IN_TRANSIT,
    TrackingStatus.OUT_FOR_DELIVERY: ParcelStatus.OUT_FOR_DELIVERY,
    TrackingStatus.AVAILABLE_FOR_PICKUP: ParcelStatus.AVAILABLE_FOR_PICKUP,
    TrackingStatus.ATTEMPT_FAILED: ParcelStatus.EXCEPTION,
    TrackingStatus.EXCEPTION: ParcelStatus.EXCEPTION,
    TrackingStatus.EXPIRED: ParcelStatus.EXCEPTION,
    TrackingStatus.LOST: ParcelStatus.LOST,
    TrackingStatus.DELIVERED: ParcelStatus.DELIVERED,
    TrackingStatus.RETURNING: ParcelStatus.RETURNING,
    TrackingStatus.RETURNED: ParcelStatus.RETURNED,
    TrackingStatus.CANCELLED: ParcelStatus.VOIDED,
}

MOVING = frozenset({ParcelStatus.IN_TRANSIT, ParcelStatus.OUT_FOR_DELIVERY, ParcelStatus.AVAILABLE_FOR_PICKUP})


def normalise(raw_code: str, codes: Mapping[str, tuple[TrackingStatus, str]]) -> tuple[TrackingStatus, str]:
    """Tell a carrier's code in our words: by the carrier's own table, else as `status` or `status:detail` of ours.

    What nobody understands is `unknown`, changes nothing and is kept as it came.
    """
    known = codes.get(raw_code) or _OUR_CODES.get(raw_code)
    if known is None:
        status, _, detail = raw_code.partition(":")
        known = _OUR_CODES.get(status) if detail in _DETAILS else None
        return (known[0], detail) if known else (TrackingStatus.UNKNOWN, "")
    return known


_DETAILS = frozenset(TrackingDetail)
_OUR_CODES: Mapping[str, tuple[TrackingStatus, str]] = {str(status): (status, "") for status in TrackingStatus}


def outlook(ours: ParcelStatus, reports: Iterable[Report]) -> Outlook:
    """Return the state of a parcel that is `ours` by our own doing, from the set of its reports (SHP-03).

    The order of `reports` means nothing; a repeated one changes nothing. The status of the highest
    precedence holds, with three exceptions that are read from the reports' own times:

    - an exception (a failed attempt too) is over once the parcel was seen moving later;
    - a return after the delivery outranks it, and the delivery keeps its time;
    - a delivery reported after the return began is the delivery to the sender: the parcel is returned.
    """
    ordered = sorted(reports, key=_in_time)
    if not ordered:
        return Outlook(status=ours)
    turned_at = next((one.happened_at for one in ordered if one.status is TrackingStatus.RETURNING), None)
    seen = [(_meaning(report, turned_at), report) for report in ordered]
    wrong = next((report for meaning, report in reversed(seen) if meaning is ParcelStatus.EXCEPTION), None)
    if wrong and any(meaning in MOVING and report.happened_at > wrong.happened_at for meaning, report in seen):
        wrong = None
    standing = [ours, *(meaning for meaning, _ in seen if meaning and (wrong or meaning is not ParcelStatus.EXCEPTION))]
    status = max(standing, key=PRECEDENCE.__getitem__)
    return _told(status, seen, wrong if status is ParcelStatus.EXCEPTION else None)


def higher(one: ParcelStatus, other: ParcelStatus) -> ParcelStatus:
    """Return which of two statuses a parcel of both has."""
    return max(one, other, key=PRECEDENCE.__getitem__)


def _told(status: ParcelStatus, seen: Sequence[tuple[ParcelStatus | None, Report]], wrong: Report | None) -> Outlook:
    last = next((report for meaning, report in reversed(seen) if meaning), seen[-1][1])
    return Outlook(
        status=status,
        carrier_status=last.status,
        carrier_detail=last.detail,
        carrier_at=last.happened_at,
        exception_code=(wrong.detail or wrong.status) if wrong else "",
        exception_at=wrong.happened_at if wrong else None,
        taken_at=_first(seen, _TAKEN),
        delivered_at=_first(seen, {ParcelStatus.DELIVERED}),
        ended_at=_first(seen, {status}),
    )


_TAKEN: AbstractSet[ParcelStatus | None] = frozenset(MEANINGS.values()) - {ParcelStatus.VOIDED}


def _first(
    seen: Sequence[tuple[ParcelStatus | None, Report]], among: AbstractSet[ParcelStatus | None]
) -> datetime | None:
    return next((report.happened_at for meaning, report in seen if meaning in among), None)


def _meaning(report: Report, turned_at: datetime | None) -> ParcelStatus | None:
    if report.status is TrackingStatus.DELIVERED and turned_at is not None and report.happened_at > turned_at:
        return ParcelStatus.RETURNED
    return MEANINGS.get(report.status)


def _in_time(report: Report) -> tuple[datetime, int, str, str, str, str]:
    meaning = MEANINGS.get(report.status)
    rank = PRECEDENCE[meaning] if meaning else -1
    return report.happened_at, rank, report.detail, report.raw_code, report.place, report.status
