"""How and by when the customer is to have an order, as it was promised and agreed."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from batuta.company.domain import ShipTerms
from batuta.ordering.domain import Order
from batuta.ordering.domain.promises import Promise
from batuta.sourcing.domain import Slot
from batuta.web.catalogue import Speech


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """promised: the day that holds now; first_promised: another one that was told before. Empty: nobody said."""

    way: str
    promised: str
    first_promised: str
    window: str
    terms: Sequence[str]


def delivery_of(order: Order, promises: Sequence[Promise], slot: Slot | None, speech: Speech) -> DeliveryView:
    """What was said to the customer. promises: the first one first."""
    days = [speech.day(speech.local(one.p90_at).date()) for one in promises]
    return DeliveryView(
        way=" · ".join([speech(f"way.{order.method}"), speech.of("service", order.service_kind)]),
        promised=days[-1] if days else "",
        first_promised=days[0] if days and days[0] != days[-1] else "",
        window=_window(slot, speech) if slot else "",
        terms=_terms(order, order.ship_terms, speech),
    )


def _window(slot: Slot, speech: Speech) -> str:
    """By the clocks of where the goods are handed over."""
    there = Speech(speech.language, ZoneInfo(slot.time_zone), speech.now)
    return speech("order.from_until", start=there.moment(slot.from_at), end=there.time(slot.until_at))


def _terms(order: Order, terms: ShipTerms, speech: Speech) -> list[str]:
    said = [speech(f"ship_mode.{terms.mode}")] if terms.mode else []
    if terms.max_splits is not None:
        said.append(speech.count("order.max_locations", terms.max_splits + 1))
    if terms.min_remaining_days is not None:
        said.append(speech.count("order.remaining_days", terms.min_remaining_days))
    if order.waits_until_at:
        said.append(speech("order.waits_until", day=speech.date(speech.local(order.waits_until_at).date())))
    return said
