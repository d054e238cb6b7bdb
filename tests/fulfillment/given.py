"""Fulfillment orders for tests of pure decisions."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import (
    Accept,
    Cartons,
    Change,
    FulfillmentOrder,
    FulfillmentStatus,
    Goods,
    HandOver,
    MakeReady,
    Method,
    Offer,
    OfferedLine,
    Pack,
    Pick,
    Stage,
    StageMove,
    decide_accept,
    decide_hand_over,
    decide_offer,
    decide_pack,
    decide_pick,
    decide_ready,
    planned,
)
from batuta.kernel.addresses import Address
from tests.making import NOW, fresh_id

HOME = Address(name="Ana Ruiz", street=["Calle de Alcalá 10"], city="Madrid", postal_code="28014", country="ES")
SOON = NOW + timedelta(hours=4)
ACTOR = "staff:ana"
GOODS = Goods(weight_g=1_000, sides_mm=(400, 300, 200))


def an_offer(*quantities: int, method: Method = Method.SHIP, per_unit: int = 1) -> Offer:
    """One line for each quantity; with `per_unit` above 1, each of a bundle of two components."""
    lines = []
    for quantity in quantities:
        line_id = fresh_id()
        lines += [
            OfferedLine(line_id=line_id, sku_id=fresh_id(), quantity=quantity * units, per_unit=units)
            for units in ((1,) if per_unit == 1 else (1, per_unit))
        ]
    return Offer(
        id=fresh_id(),
        order_id=fresh_id(),
        order_number="100018",
        location_id=fresh_id(),
        method=method,
        lines=tuple(lines),
        actor="system:score",
        ship_to=HOME if method is Method.SHIP else None,
        expires_at=SOON,
    )


def offered(*quantities: int, method: Method = Method.SHIP, per_unit: int = 1) -> FulfillmentOrder:
    offer = an_offer(*quantities, method=method, per_unit=per_unit)
    return decide_offer(planned(offer), offer).after


def accepted(*quantities: int, method: Method = Method.SHIP, per_unit: int = 1) -> FulfillmentOrder:
    one = offered(*quantities, method=method, per_unit=per_unit)
    return decide_accept(one, Accept(fulfillment_order_id=one.id, actor=ACTOR), now=NOW).after


def picked(*quantities: int, method: Method = Method.SHIP, per_unit: int = 1) -> FulfillmentOrder:
    one = accepted(*quantities, method=method, per_unit=per_unit)
    return decide_pick(one, Pick(fulfillment_order_id=one.id, actor=ACTOR)).after


def packed(*quantities: int, method: Method = Method.SHIP, per_unit: int = 1) -> FulfillmentOrder:
    one = picked(*quantities, method=method, per_unit=per_unit)
    return decide_pack(one, Pack(fulfillment_order_id=one.id, actor=ACTOR), cartons_of(one)).after


def ready(*quantities: int) -> FulfillmentOrder:
    one = packed(*quantities, method=Method.PICKUP)
    request = MakeReady(fulfillment_order_id=one.id, code="K7PMX2QA", until_at=NOW + timedelta(days=7), actor=ACTOR)
    return decide_ready(one, request, now=NOW).after


def handed_over(*quantities: int, per_unit: int = 1) -> FulfillmentOrder:
    one = packed(*quantities, per_unit=per_unit)
    return decide_hand_over(one, HandOver(fulfillment_order_id=one.id, actor=ACTOR), now=NOW).after


def cartons_of(
    one: FulfillmentOrder, *, weight_max_g: int | None = None, length_max_mm: int | None = None, goods: Goods = GOODS
) -> Cartons:
    return Cartons(
        goods={line.sku_id: goods for line in one.lines}, weight_max_g=weight_max_g, length_max_mm=length_max_mm
    )


def lines_of(one: FulfillmentOrder) -> list[UUID]:
    return list(dict.fromkeys(line.line_id for line in one.lines))


def stages(one: FulfillmentOrder) -> Counter[tuple[UUID, Stage]]:
    """Where the whole units of each line stand, told from the counts alone."""
    names = ("quantity", "live", "cancelled", "picked", "packed", "handed_over", "delivered", "taken_back")
    count: Mapping[str, Mapping[UUID, int]] = {name: one.units(name) for name in names}
    standing: Counter[tuple[UUID, Stage]] = Counter()
    for line_id in lines_of(one):
        live, cancelled, picked_, packed_, gone, there, back = (count[name][line_id] for name in names[1:])
        waiting = Stage.ALLOCATED if one.status is FulfillmentStatus.OFFERED else Stage.RELEASED
        standing[line_id, waiting] += live - picked_
        standing[line_id, Stage.PICKED] += picked_ - packed_
        standing[line_id, Stage.PACKED] += packed_ - gone
        standing[line_id, Stage.SHIPPED] += gone - there - back
        standing[line_id, Stage.DELIVERED] += there
        standing[line_id, Stage.CANCELLED] += cancelled + back
        standing[line_id, Stage.RESERVED] += count["quantity"][line_id] - live - cancelled
    return +standing


def moved(before: Counter[tuple[UUID, Stage]], moves: Iterable[StageMove]) -> Counter[tuple[UUID, Stage]]:
    """The units after the moves, which never take what is not there."""
    standing = Counter(before)
    for one in moves:
        assert 0 < one.quantity <= standing[one.line_id, one.source], one
        standing[one.line_id, one.source] -= one.quantity
        standing[one.line_id, one.target] += one.quantity
    return +standing


def assert_sound(change: Change) -> None:
    """The moves of a change say exactly what its counts say, and counts never overtake each other."""
    if not change.is_nothing and change.before.status is not FulfillmentStatus.PLANNED:
        assert moved(stages(change.before), change.moves) == stages(change.after)
    for line in change.after.lines:
        assert line.quantity >= line.live >= line.picked >= line.packed >= line.handed_over >= 0
        assert line.handed_over >= line.delivered + line.taken_back
        assert min(line.delivered, line.taken_back, line.short, line.cancelled) >= 0
    assert msgspec.json.decode(msgspec.json.encode(change.after), type=FulfillmentOrder) == change.after
