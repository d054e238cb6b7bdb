"""Promises: how goods may be had, when, for how much, and until when one must have ordered; and how one is signed."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.kernel.errors import Refused
from batuta.sourcing.domain.promises.dates import Dates, LimitingStep
from batuta.sourcing.domain.requests import Method

SIGNATURE_BYTES = 16
HOLDS_FOR = timedelta(minutes=30)
"""How long a promise may be ordered by, if its cut-off does not come before."""

SATURDAY = 5
ONE_HOUR = timedelta(hours=1)


class PromiseIsForged(Refused):
    """The promise is none that this house has made."""


class PromiseHasEnded(Refused):
    """The promise was not taken in time: its cut-off is over, or too much may have changed; ask for a new one."""


class PromisedLine(msgspec.Struct, frozen=True, kw_only=True):
    sku_code: str
    quantity: int


class PromisedShipment(msgspec.Struct, frozen=True, kw_only=True):
    """What one location sends, or has waiting for its buyer. leaves_at: when the carrier takes it."""

    location_id: UUID
    location_code: str
    service_id: UUID | None
    lines: tuple[PromisedLine, ...]
    ready_at: datetime
    leaves_at: datetime
    earliest_at: datetime
    p50_at: datetime
    p90_at: datetime
    limiting_step: LimitingStep


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """One way of having all goods: dates are of the last shipment.

    service_kind: `pickup` where the buyer comes. order_by_at: who orders until then has these dates. price_minor: what
    the buyer pays for shipping; None where nobody asks it. is_estimated: some of it stands on tables, not on what
    carriers do and say. time_zone: where it ends.
    """

    method: Method
    service_kind: str
    pickup_location_id: UUID | None = None
    time_zone: str
    earliest_at: datetime
    p50_at: datetime
    p90_at: datetime
    window_from_at: datetime
    order_by_at: datetime
    price_minor: int | None = None
    currency: str
    limiting_step: LimitingStep
    is_estimated: bool
    shipments: tuple[PromisedShipment, ...]


class PromiseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """For what a promise holds. goods: a digest of SKUs and quantities, as `goods_digest` makes it.

    country, postal_code: where it goes, bare; empty where the buyer comes.
    """

    channel_id: UUID
    goods: bytes
    country: str
    postal_code: str
    made_at: datetime
    promised: Promised


def together(
    shipments: Sequence[PromisedShipment], dates: Sequence[Dates], *, is_estimated: bool, **given: object
) -> Promised:
    """The promise of all shipments: there when the last one is, and to be ordered before the first one's cut-off."""
    last = max(dates, key=lambda one: (one.p50_at, one.p90_at))
    whole: dict[str, object] = {
        **given,
        "earliest_at": max(one.earliest_at for one in dates),
        "p50_at": last.p50_at,
        "p90_at": max(one.p90_at for one in dates),
        "window_from_at": last.window_from_at,
        "order_by_at": min(one.order_by_at for one in dates),
        "limiting_step": last.limiting_step,
        "is_estimated": is_estimated,
        "shipments": tuple(shipments),
    }
    return Promised(**whole)  # type: ignore[arg-type] # the caller gives what is left


def keeps_its_word(service_kind: str, p90_at: datetime, asked_at: datetime, zone: ZoneInfo) -> bool:
    """Whether nine of ten deliveries are there when the name of the service says; other names promise no day."""
    ordered, there = asked_at.astimezone(zone).date(), p90_at.astimezone(zone).date()
    if service_kind == "one_hour":
        return p90_at - asked_at <= ONE_HOUR
    if service_kind == "weekend":
        return there <= _weekend_after(ordered)
    latest = {"same_day": ordered, "next_day": ordered + timedelta(days=1)}.get(service_kind)
    return latest is None or there <= latest


def goods_digest(goods: Sequence[tuple[str, int]]) -> bytes:
    """What makes two lists of goods the same: SKU codes and quantities, in any order, of one code in all."""
    counts: dict[str, int] = {}
    for sku_code, quantity in goods:
        counts[sku_code] = counts.get(sku_code, 0) + quantity
    return blake2b(msgspec.json.encode(sorted(counts.items())), digest_size=16).digest()


def sign(terms: PromiseTerms, secret: bytes) -> str:
    """The promise as a text that its buyer brings back."""
    written = _encode(terms)
    return urlsafe_b64encode(_signature(written, secret) + written).rstrip(b"=").decode()


def read_signed(token: str, secret: bytes, *, now: datetime) -> PromiseTerms:
    """What was promised.

    Raises:
        PromiseIsForged: it is none of ours.
        PromiseHasEnded: it was not taken in time.
    """
    try:
        whole = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        signature, written = whole[:SIGNATURE_BYTES], whole[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(written, secret)):
            raise PromiseIsForged("this is no promise of ours")
        terms = _decode(written)
    except (ValueError, msgspec.DecodeError):
        raise PromiseIsForged("this is no promise of ours") from None
    if now > ends_at(terms):
        raise PromiseHasEnded("the promise has ended: ask for a new one", ended_at=ends_at(terms).isoformat())
    return terms


def ends_at(terms: PromiseTerms) -> datetime:
    """Until when it may be ordered by: its cut-off, and half an hour at most."""
    return min(terms.promised.order_by_at, terms.made_at + HOLDS_FOR)


def _weekend_after(day: date) -> date:
    """The Sunday of the next weekend that a day can still reach."""
    return day + timedelta(days=SATURDAY + 1 - day.weekday())


def _signature(written: bytes, secret: bytes) -> bytes:
    return blake2b(written, key=secret, digest_size=SIGNATURE_BYTES, person=b"promise").digest()


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(PromiseTerms).decode
