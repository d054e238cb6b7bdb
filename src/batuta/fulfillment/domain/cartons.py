"""Which goods go into which parcel when nobody says, and how heavy and big a parcel of goods is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from batuta.fulfillment.domain.orders import FulfillmentOrder
from batuta.fulfillment.domain.requests import PackedContent, PackedParcel
from batuta.kernel.ids import child_id


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of a SKU. sides_mm: 0 where unknown.

    has_serials: each piece has a number of its own. is_weighed: it is charged by what it weighs as it is packed.
    """

    weight_g: int
    sides_mm: tuple[int, int, int]
    has_serials: bool = False
    is_weighed: bool = False

    @property
    def volume_mm3(self) -> int:
        return self.sides_mm[0] * self.sides_mm[1] * self.sides_mm[2]


class Cartons(msgspec.Struct, frozen=True, kw_only=True):
    """The goods that are to be packed, and the most a parcel may weigh and be long; None is without limit."""

    goods: Mapping[UUID, Goods]
    weight_max_g: int | None = None
    length_max_mm: int | None = None


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """What a parcel weighs and how big it is, its longest side first."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


class _Box:
    """A parcel that is being filled: as long and as wide as its goods, and as high as their volume needs."""

    def __init__(self, cartons: Cartons) -> None:
        self.cartons = cartons
        self.units: Counter[tuple[UUID, UUID]] = Counter()
        self.weight_g = self.volume_mm3 = 0
        self.sides_mm = [0, 0, 0]

    def add(self, line_id: UUID, sku_id: UUID, quantity: int) -> None:
        goods = self.cartons.goods[sku_id]
        self.units[line_id, sku_id] += quantity
        self.weight_g += quantity * goods.weight_g
        self.volume_mm3 += quantity * goods.volume_mm3
        self.sides_mm = self._with(goods)

    def room_for(self, sku_id: UUID) -> int | None:
        """How many units more still fit; None for any number."""
        goods, most = self.cartons.goods[sku_id], self.cartons
        rooms = []
        if most.weight_max_g is not None and goods.weight_g:
            rooms.append((most.weight_max_g - self.weight_g) // goods.weight_g)
        if most.length_max_mm is not None and goods.volume_mm3:
            sides = self._with(goods)
            rooms.append((sides[0] * sides[1] * most.length_max_mm - self.volume_mm3) // goods.volume_mm3)
        return max(0, min(rooms)) if rooms else None

    def _with(self, goods: Goods) -> list[int]:
        new = sorted(goods.sides_mm, reverse=True)
        return [max(pair) for pair in zip(self.sides_mm, new, strict=True)]

    def measure(self) -> Measure:
        length, width, height = self.sides_mm
        needed = -(-self.volume_mm3 // (length * width)) if length * width else 0
        sides = sorted((length, width, max(height, needed)), reverse=True)
        return Measure(weight_g=max(1, self.weight_g), length_mm=sides[0], width_mm=sides[1], height_mm=sides[2])


def measure(contents: Iterable[PackedContent], goods: Mapping[UUID, Goods]) -> Measure:
    """Weigh and measure goods that lie in one parcel; at least 1 g."""
    box = _Box(Cartons(goods=goods))
    for one in contents:
        box.add(one.line_id, one.sku_id, one.quantity)
        if one.weight_g is not None:
            box.weight_g += one.weight_g - one.quantity * goods[one.sku_id].weight_g
    return box.measure()


def fill_parcels(fulfillment: FulfillmentOrder, cartons: Cartons) -> tuple[PackedParcel, ...]:
    """Put every live unit into parcels in the order of the lines, a new one whenever the last is full.

    A single unit that is over the limits gets a parcel of its own, for the carrier to refuse.
    """
    boxes = [_Box(cartons)]
    for line in fulfillment.lines:
        left = line.live
        while left:
            room = boxes[-1].room_for(line.sku_id)
            fits = left if room is None else min(left, room)
            if not fits and boxes[-1].units:
                boxes.append(_Box(cartons))
                continue
            boxes[-1].add(line.line_id, line.sku_id, max(1, fits))
            left -= max(1, fits)
    return tuple(
        PackedParcel(
            id=child_id(fulfillment.id, "parcel", i),
            contents=tuple(
                PackedContent(line_id=line_id, sku_id=sku_id, quantity=quantity)
                for (line_id, sku_id), quantity in box.units.items()
            ),
        )
        for i, box in enumerate(boxes)
    )
