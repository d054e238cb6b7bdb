"""Customers whose store cannot have it ready choose another way (SRC-16, I-24)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from batuta.company.domain import Policies
from batuta.fulfillment.commands import accept, collect, pack, ready_for_pickup, reject
from batuta.fulfillment.domain import Accept, FulfillmentStatus, Pack, Reject, RejectionReason
from batuta.fulfillment.domain import Method as WorkMethod
from batuta.kernel.errors import BatutaError
from batuta.kernel.links import LinkHasEnded, UnknownLink, read_link
from batuta.notifications.queries import messages_of
from batuta.orchestration.commands.overriding import NotToBePlanned
from batuta.orchestration.commands.rerouting import (
    AddressMissing,
    ChoiceHasChanged,
    ChoiceIsGone,
    Choose,
    choose,
)
from batuta.orchestration.queries import Ways, choices_of
from batuta.ordering.commands import add_holds
from batuta.ordering.domain import HoldKind, Means, Method, NewHold, OrderStatus
from batuta.ordering.domain.rerouting import (
    LINK,
    Choice,
    LinkIsUsed,
    NothingToChoose,
    Reroute,
    link_of,
)
from batuta.ordering.queries import reroutes_of
from batuta.sourcing.domain.promises.asking import UnknownPostalCode
from batuta.sourcing.queries import given_back_of, parkings_of
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import SELLER, Journey
from tests.journeys.test_pickup import ready, with_code
from tests.making import NOW, fresh_id
from tests.world import MADRID

PAGE = "https://shop.example/choose/"
ASKING = Policies(label_format="zpl", reroute_url=PAGE, park_days=2)
HOME = msgspec.structs.replace(
    MADRID, street=["Calle Mayor 1"], city="Getafe", postal_code="28901", latitude=None, longitude=None
)


async def refused_pickup(
    open_shop: OpenShop,
    stock: Mapping[str, Mapping[str, int]],
    *lines: tuple[str, int],
    policies: Policies = ASKING,
    refused: Sequence[str] | None = None,
    **changes: Any,
) -> tuple[Journey, UUID]:
    """A customer buys for pickup at `north`, which then says that it lacks it."""
    journey = await open_shop(stock, policies=policies)
    order_id = await pickup(journey, *lines, **changes)
    await say_no(journey, order_id, refused)
    return journey, order_id


async def pickup(journey: Journey, *lines: tuple[str, int], **changes: Any) -> UUID:
    """A customer buys for pickup at `north`."""
    return await journey.buy(
        *lines,
        gross_minor=2_500 * sum(units for _, units in lines),
        method=Method.PICKUP,
        pickup_location_code=journey.shop.locations["north"].code,
        **changes,
    )


async def say_no(journey: Journey, order_id: UUID, refused: Sequence[str] | None = None) -> None:
    (work_id,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    sku_ids = tuple(journey.shop.skus[name].id for name in refused) if refused else None
    no = Reject(fulfillment_order_id=work_id, reason=RejectionReason.NOT_FOUND, sku_ids=sku_ids, actor=SELLER)
    await journey.do(reject, rejections=[no])


async def question(journey: Journey, order_id: UUID) -> Reroute:
    async with journey.engine.connect() as db:
        return (await reroutes_of(db, order_id))[-1]


async def ways(journey: Journey, order_id: UUID, **where: Any) -> Ways:
    asked = await question(journey, order_id)
    async with journey.engine.connect() as db:
        return await choices_of(db, asked, deliver_to=where.get("deliver_to"), now=journey.now)


async def shown(journey: Journey, order_id: UUID, **where: Any) -> list[str]:
    """What the customer sees, by the names of stores."""
    names = {one.code: name for name, one in journey.shop.locations.items()}
    choices = (await ways(journey, order_id, **where)).choices
    return ["+".join(names[part.store.code] if part.store else str(part.kind) for part in one.parts) for one in choices]


async def wish(journey: Journey, order_id: UUID, name: str, **changes: Any) -> Choose:
    """What a customer sends who has looked; `name` as `shown` tells it."""
    asked = await question(journey, order_id)
    there = await ways(journey, order_id, deliver_to=changes.get("ship_to"))
    names = await shown(journey, order_id, deliver_to=changes.get("ship_to"))
    choice = there.choices[names.index(name)]
    return Choose(
        **{
            "reroute_id": asked.id,
            "choice_id": choice.id,
            "price_minor": choice.price_minor,
            "p90_on": choice.p90_on,
            "ship_to": None,
            "actor": "customer:link",
            **changes,
        }
    )


async def choosing(journey: Journey, wanted: Choose) -> Choice | BatutaError:
    (outcome,) = await journey.ask(choose, wishes=[wanted])
    await journey.pass_time(seconds=1)
    assert isinstance(outcome, (Choice, BatutaError))
    return outcome


async def offered_at(journey: Journey, order_id: UUID) -> dict[str, WorkMethod]:
    names = {one.id: name for name, one in journey.shop.locations.items()}
    work = await journey.work(order_id)
    return {names[one.location_id]: one.method for one in work if one.status is FulfillmentStatus.OFFERED}


async def test_a_customer_collects_at_another_store_what_the_first_one_lacks(open_shop: OpenShop) -> None:
    """SRC-16: the only chair that is left anywhere is one that the order holds already."""
    stock = {"chair": {"north": 1, "south": 1}, "table": {"west": 1}}
    journey, order_id = await refused_pickup(open_shop, stock, ("chair", 1))
    assert await journey.told(order_id) == ["order_placed", "choose_another_way"]
    assert await shown(journey, order_id) == ["south", "delivery", "wait", "cancel"]

    outcome = await choosing(journey, await wish(journey, order_id, "south"))

    assert isinstance(outcome, Choice)
    assert await offered_at(journey, order_id) == {"south": WorkMethod.PICKUP}
    assert await journey.holds(order_id) == []
    async with journey.engine.connect() as db:
        assert (await parkings_of(db, [order_id]))[order_id].is_over
    (work_id,) = await journey.ids(order_id, FulfillmentStatus.OFFERED)
    await journey.do(accept, acceptances=[Accept(fulfillment_order_id=work_id, actor=SELLER)])
    await journey.do(pack, packs=[Pack(fulfillment_order_id=work_id, actor=SELLER)])
    told = ready(journey, work_id)
    await journey.do(ready_for_pickup, pickups=[told])
    await journey.do(collect, collections=[with_code(work_id, told.code)])
    assert (await journey.order(order_id)).status is OrderStatus.COMPLETED
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor) == (2_500, 2_500)
    assert (await journey.told(order_id))[1:] == ["choose_another_way", "rerouted", "ready_for_pickup"]


async def test_a_customer_has_it_delivered_and_pays_no_more(open_shop: OpenShop) -> None:
    """SRC-16: to an address of their own."""
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 2))
    assert isinstance(await choosing(journey, await wish(journey, order_id, "delivery")), AddressMissing)

    outcome = await choosing(journey, await wish(journey, order_id, "delivery", ship_to=HOME))

    assert isinstance(outcome, Choice), outcome
    assert (outcome.price_minor, outcome.needs_address) == (0, True)
    assert await offered_at(journey, order_id) == {"south": WorkMethod.SHIP}
    await journey.send(order_id)
    (parcel,) = await journey.parcels(order_id)
    assert parcel.destination.city == "Getafe"
    await journey.carrier_says(order_id, "delivered", journey.now)
    money = await journey.money(order_id)
    assert (money.due_minor, money.captured_minor, money.held_minor) == (5_000, 5_000, 0)
    async with journey.engine.connect() as db:
        told = (await messages_of(db, [order_id]))[order_id]
    assert "Calle Mayor 1, Getafe" in next(one.body for one in told if one.template == "rerouted")


async def test_delivery_that_would_cost_more_is_not_offered(open_shop: OpenShop) -> None:
    """SRC-16: no money is taken that the customer has not agreed to."""
    charged = msgspec.structs.replace(ASKING, is_reroute_free=False)
    journey, order_id = await refused_pickup(
        open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1), policies=charged
    )

    assert await shown(journey, order_id) == ["south", "wait", "cancel"]


async def test_a_channel_says_what_may_be_chosen(open_shop: OpenShop) -> None:
    """SRC-16: and one without a page asks nobody."""
    few = msgspec.structs.replace(ASKING, reroute_choices=("delivery", "cancel"))
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1), policies=few)
    silent, other_id = await refused_pickup(
        open_shop, {"chair": {"north": 2}}, ("chair", 1), policies=msgspec.structs.replace(ASKING, reroute_url="")
    )

    assert await shown(journey, order_id) == ["delivery", "cancel"]
    async with silent.engine.connect() as db:
        assert await reroutes_of(db, other_id) == []


async def test_what_no_store_has_whole_is_split(open_shop: OpenShop) -> None:
    """SRC-16: the store with most of it, and the rest at another, at home, or later."""
    stock = {
        "chair": {"north": 1, "east": 3},
        "table": {"north": 1, "east": 1},
        "lamp": {"north": 1, "south": 1, "west": 1},
    }
    journey, order_id = await refused_pickup(open_shop, stock, ("chair", 1), ("table", 1), ("lamp", 1))
    seen = await shown(journey, order_id)
    assert seen == ["east+south", "east+delivery", "east+wait", "delivery", "wait", "cancel"]

    outcome = await choosing(journey, await wish(journey, order_id, "east+delivery", ship_to=HOME))

    assert isinstance(outcome, Choice), outcome
    at = await offered_at(journey, order_id)
    assert at.pop("east") is WorkMethod.PICKUP
    assert list(at.values()) == [WorkMethod.SHIP]
    assert await journey.holds(order_id) == []


async def test_what_waits_on_is_asked_about_no_more_and_the_rest_goes_ahead(open_shop: OpenShop) -> None:
    """SRC-16: the store that gave it back gets new ones and the order is tried there again."""
    stock = {"chair": {"north": 1, "east": 1}, "table": {"north": 1}}
    journey, order_id = await refused_pickup(open_shop, stock, ("chair", 1), ("table", 1))
    assert await shown(journey, order_id) == ["east+wait", "wait", "cancel"]

    assert isinstance(await choosing(journey, await wish(journey, order_id, "east+wait")), Choice)

    assert await offered_at(journey, order_id) == {"east": WorkMethod.PICKUP}
    assert await journey.holds(order_id) == [HoldKind.BACKORDER]
    await journey.pass_time(minutes=61)
    async with journey.engine.connect() as db:
        assert (await parkings_of(db, [order_id]))[order_id].tries == 2
        assert len(await reroutes_of(db, order_id)) == 2  # one for both lines, one for the one that still waits


async def test_only_what_the_store_lacks_goes_another_way(open_shop: OpenShop) -> None:
    """I-24: the other line is prepared where it was; who said no, where and when stays with the order."""
    stock = {"chair": {"north": 1, "south": 1}, "table": {"north": 1}}
    journey, order_id = await refused_pickup(open_shop, stock, ("chair", 1), ("table", 1), refused=["chair"])

    assert isinstance(await choosing(journey, await wish(journey, order_id, "south")), Choice)

    assert await offered_at(journey, order_id) == {"north": WorkMethod.PICKUP, "south": WorkMethod.PICKUP}
    order = await journey.order(order_id)
    routes = {line.name: line.route.pickup_location_id if line.route else None for line in order.lines}
    assert routes == {"chair": journey.shop.locations["south"].id, "table": None}
    async with journey.engine.connect() as db:
        (told,) = await given_back_of(db, order_id)
    assert (told.location_id, told.quantity, told.reason) == (journey.shop.locations["north"].id, 1, "not_found")
    assert (told.actor, told.created_at < journey.now) == (SELLER, True)


async def test_cancelling_gives_the_money_back(open_shop: OpenShop) -> None:
    """SRC-16."""
    journey, order_id = await refused_pickup(
        open_shop,
        {"chair": {"north": 2, "south": 4}},
        ("chair", 2),
        means=[Means(method="voucher", amount_minor=5_000, token="tok_gift", captures_at_once=True)],
    )
    there = await ways(journey, order_id)
    assert there.choices[-1].price_minor == -5_000

    assert isinstance(await choosing(journey, await wish(journey, order_id, "cancel")), Choice)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    money = await journey.money(order_id)
    assert (money.captured_minor, money.refunded_minor, money.due_minor) == (5_000, 5_000, 0)
    assert set(await journey.told(order_id)) == {"order_placed", "choose_another_way", "cancelled", "refunded"}


async def test_a_question_is_answered_once_and_in_time(open_shop: OpenShop) -> None:
    """SRC-16."""
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    wanted = await wish(journey, order_id, "south")
    assert isinstance(await choosing(journey, msgspec.structs.replace(wanted, reroute_id=fresh_id())), UnknownLink)
    late = msgspec.structs.replace(wanted, p90_on=wanted.p90_on - timedelta(days=1))  # type: ignore[operator]
    assert isinstance(await choosing(journey, late), ChoiceHasChanged)
    gone = msgspec.structs.replace(wanted, choice_id="store:nowhere")
    assert isinstance(await choosing(journey, gone), ChoiceIsGone)
    nowhere = msgspec.structs.replace(HOME, postal_code="99999")
    assert isinstance(await choosing(journey, msgspec.structs.replace(wanted, ship_to=nowhere)), UnknownPostalCode)

    assert isinstance(await choosing(journey, wanted), Choice)

    assert isinstance(await choosing(journey, wanted), LinkIsUsed)
    other, other_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    wanted = await wish(other, other_id, "south")
    other.now += timedelta(days=2)
    (outcome,) = await other.ask(choose, wishes=[wanted])
    assert isinstance(outcome, LinkHasEnded)


async def test_of_two_clicks_one_counts(open_shop: OpenShop) -> None:
    """SRC-16."""
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    south, home = await wish(journey, order_id, "south"), await wish(journey, order_id, "delivery", ship_to=HOME)

    outcomes = await asyncio.gather(*(journey.ask(choose, wishes=[one]) for one in (south, home, south, home)))

    kinds = [type(one) for (one,) in outcomes]
    assert sorted(kind.__name__ for kind in kinds) == ["Choice", "LinkIsUsed", "LinkIsUsed", "LinkIsUsed"]
    assert len(await offered_at(journey, order_id)) == 1
    await journey.pass_time(seconds=1)


async def test_a_click_and_a_cancellation_at_once_leave_the_order_cancelled(open_shop: OpenShop) -> None:
    """SRC-16, ORD-04: both wait for the order; whoever comes second sees what the first one did."""
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    wanted = await wish(journey, order_id, "south")

    (outcome,), _ = await asyncio.gather(journey.ask(choose, wishes=[wanted]), journey.cancel(order_id))

    assert isinstance(outcome, (Choice, NothingToChoose))
    await journey.pass_time(seconds=1)
    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert await journey.available("chair") == 5


@pytest.mark.parametrize("first", ["agent", "customer"])
async def test_a_click_meets_a_cancellation(open_shop: OpenShop, first: str) -> None:
    """SRC-16: whoever comes first is done; nothing is offered of an order that is cancelled."""
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    wanted = await wish(journey, order_id, "south")

    if first == "agent":
        await journey.cancel(order_id)
        outcome = await choosing(journey, wanted)
        assert isinstance(outcome, NothingToChoose)
    else:
        assert isinstance(await choosing(journey, wanted), Choice)
        await journey.cancel(order_id)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert await offered_at(journey, order_id) == {}
    assert await journey.available("chair") == 5


async def test_a_click_after_the_order_waited_too_long_finds_nothing(open_shop: OpenShop) -> None:
    """SRC-11, SRC-16: the link ends no later than the order."""
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    wanted = await wish(journey, order_id, "south")
    asked = await question(journey, order_id)
    assert asked.expires_at - asked.asked_at <= timedelta(days=2)

    await journey.pass_time(days=2)

    assert (await journey.order(order_id)).status is OrderStatus.CANCELLED
    assert isinstance(await choosing(journey, wanted), LinkHasEnded)


async def test_an_order_that_somebody_holds_waits_for_them(open_shop: OpenShop) -> None:
    journey, order_id = await refused_pickup(open_shop, {"chair": {"north": 2, "south": 4}}, ("chair", 1))
    hold = NewHold(id=fresh_id(), order_id=order_id, kind=HoldKind.FRAUD, reason="looks odd", actor="staff:eva@x.com")
    async with journey.engine.begin() as db:
        await add_holds(db, holds=[hold], now=journey.now)

    assert isinstance(await choosing(journey, await wish(journey, order_id, "south")), NotToBePlanned)


def test_a_link_is_read_by_its_maker_alone() -> None:
    """SRC-16."""
    asked = Reroute(
        id=fresh_id(),
        order_id=fresh_id(),
        location_id=fresh_id(),
        line_ids=(fresh_id(),),
        asked_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    link = link_of(asked, b"s" * 32)

    assert read_link(LINK, link, secret=b"s" * 32, now=NOW) == asked.id
    for forged in (link[:-1], link[1:], link + "A", "A" * len(link), "ñ", "", "=", link[:-2] + "AA"):
        with pytest.raises(UnknownLink):
            read_link(LINK, forged, secret=b"s" * 32, now=NOW)
    with pytest.raises(UnknownLink):
        read_link(LINK, link, secret=b"t" * 32, now=NOW)
    with pytest.raises(LinkHasEnded):
        read_link(LINK, link, secret=b"s" * 32, now=asked.expires_at)
