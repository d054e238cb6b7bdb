"""Locations that take so much a day: the story of an order that finds one full (SRC-10)."""

from uuid import UUID

import msgspec

from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept, reject
from batuta.fulfillment.domain import Accept, FulfillmentStatus, Reject, RejectionReason
from batuta.locations.commands import save_locations
from batuta.locations.domain import CapacityLimit, CapacityUnit
from batuta.plumbing.audit import examine
from batuta.sourcing.domain.slots.windows import HoldStatus
from batuta.sourcing.queries import AUDIT, capacity_holds_of
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.world import sound

MUTED = Policies(are_messages_muted=True, label_format="zpl", offer_minutes=60)
OFFERED, ACCEPTED = FulfillmentStatus.OFFERED, FulfillmentStatus.ACCEPTED


async def given_limit(journey: Journey, name: str, limit: int) -> None:
    """So many units a day."""
    limits = (CapacityLimit(limit=limit, unit=CapacityUnit.UNITS),)
    async with journey.engine.begin() as db:
        place = msgspec.structs.replace(journey.shop.locations[name], capacity=limits)
        sound(await save_locations(db, locations=[place], now=journey.now))


async def status_of(journey: Journey, order_id: UUID) -> list[HoldStatus]:
    async with journey.engine.connect() as db:
        holds = await capacity_holds_of(db, [order_id])
        assert [one.law for one in await examine(db, AUDIT) if one.broken] == []
    return [one.status for one in holds.values()]


async def test_what_a_location_takes_on_is_its_own_and_what_it_rejects_is_free_for_the_next_order(
    open_shop: OpenShop,
) -> None:
    journey = await open_shop({"chair": {"north": 9}}, policies=MUTED)
    await given_limit(journey, "north", 2)
    first = await journey.buy(("chair", 2), gross_minor=5_490)
    assert await status_of(journey, first) == [HoldStatus.HELD]

    (offered,) = await journey.ids(first, OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=offered, actor=SELLER)])
    second = await journey.buy(("chair", 1), gross_minor=2_990)

    assert await status_of(journey, first) == [HoldStatus.CONFIRMED]
    assert await journey.ids(second, OFFERED) == [], "it is parked"

    rejection = Reject(fulfillment_order_id=offered, reason=RejectionReason.OTHER, actor=SELLER)
    await journey.do(reject, rejections=[rejection])
    await journey.pass_time(minutes=61)

    assert await status_of(journey, first) == [HoldStatus.RELEASED]
    assert len(await journey.ids(second, OFFERED)) == 1
    assert await status_of(journey, second) == [HoldStatus.HELD]


async def test_an_offer_that_nobody_answers_gives_the_capacity_back(open_shop: OpenShop) -> None:
    """SRC-09."""
    journey = await open_shop({"chair": {"north": 9}}, policies=MUTED)
    await given_limit(journey, "north", 2)
    first = await journey.buy(("chair", 2), gross_minor=5_490)

    await journey.pass_time(minutes=61)

    statuses = await status_of(journey, first)
    assert statuses[0] in {HoldStatus.EXPIRED, HoldStatus.RELEASED}
    second = await journey.buy(("chair", 2), gross_minor=5_490)
    assert len(await journey.ids(second, OFFERED)) == 1
