"""The delivered orders of the Olist data set, as lessons: how long until the hand-over, and how long to the door.

Sellers are locations. Times are the local times of Brazil, as the data has them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import asin, cos, log1p, radians, sin, sqrt
from pathlib import Path
from typing import Any

import msgspec

from batuta.shipping.domain import Case, Lesson, days_since
from examples.parquet import rows_of

EARTH_RADIUS_KM = 6_371.0
A_MOMENT_DAYS = 0.02
"""Between two events that the data has in the wrong order, and of those it has not."""

HAND_OVER = (0.5, 2.0, 5.0)
"""What is taken for granted of a seller nobody knows: days within which one, five and nine of ten are handed over."""

SAME_STATE, OTHER_STATE = (2.0, 5.0, 10.0), (4.0, 9.0, 20.0)
"""The table of a parcel post of a large country."""

TYPICAL_KM, TYPICAL_G = 500.0, 400.0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One delivered order. All in days since 1970, local, and parts: bought, handed over, at the door, promised for."""

    id: str
    bought: float
    handed: float
    arrived: float
    promised: float
    km: float
    preparing: Case
    riding: Case

    @property
    def took(self) -> float:
        return self.arrived - self.bought

    @property
    def lessons(self) -> tuple[Lesson, Lesson]:
        """Of the hand-over and of the road; both are known once the order is at the door, and not before."""
        return (
            Lesson(of=self.id, case=self.preparing, began=self.bought, ended=self.handed, known=self.arrived),
            Lesson(of=self.id, case=self.riding, began=self.handed, ended=self.arrived, known=self.arrived),
        )


def read_deliveries(folder: Path) -> list[Delivery]:
    """Every delivered order that has goods, in the order of time."""
    tables = _Tables(folder)
    found = [
        tables.delivery(order)
        for order in _rows(folder, "orders")
        if order["order_status"] == "delivered" and order["order_delivered_customer_date"] and tables.has_goods(order)
    ]
    return sorted(found, key=lambda one: (one.bought, one.id))


class _Tables:
    def __init__(self, folder: Path) -> None:
        self._items = _grouped(_rows(folder, "order_items"), "order_id")
        self._payments = _grouped(_rows(folder, "order_payments"), "order_id")
        self._customers = {row["customer_id"]: row for row in _rows(folder, "customers")}
        self._sellers = {row["seller_id"]: row for row in _rows(folder, "sellers_full")}
        self._weights = {row["product_id"]: row["product_weight_g"] for row in _rows(folder, "products_full")}
        self._places = {row["zip_prefix"]: (row["lat"], row["lng"]) for row in _rows(folder, "zip_centroids")}

    def has_goods(self, order: Mapping[str, Any]) -> bool:
        return order["order_id"] in self._items

    def delivery(self, order: Mapping[str, Any]) -> Delivery:
        items = self._items[order["order_id"]]
        customer = self._customers[order["customer_id"]]
        seller = self._sellers[items[0]["seller_id"]]
        km = self._km([self._sellers[item["seller_id"]] for item in items], customer)
        weight_g = sum(self._weights.get(item["product_id"]) or 0.0 for item in items) or TYPICAL_G
        weight = (log1p(weight_g) - log1p(TYPICAL_G)) / 2
        bought_at: datetime = order["order_purchase_timestamp"]
        bought, arrived = days_since(bought_at), days_since(order["order_delivered_customer_date"])
        handed_at = order["order_delivered_carrier_date"]
        handed = days_since(handed_at) if handed_at else bought
        return Delivery(
            id=order["order_id"],
            bought=bought,
            handed=min(max(handed, bought + A_MOMENT_DAYS), arrived - A_MOMENT_DAYS),
            arrived=arrived,
            promised=days_since(order["order_estimated_delivery_date"]),
            km=km,
            preparing=self._preparing(order["order_id"], items, seller, bought_at, weight),
            riding=_riding(seller, customer, km, weight, is_split=_is_split(items)),
        )

    def _preparing(
        self, order_id: str, items: Sequence[Mapping[str, Any]], seller: Mapping[str, Any], at: datetime, weight: float
    ) -> Case:
        payments = self._payments.get(order_id)
        method = payments[0]["payment_type"] if payments else "none"
        return Case(
            usual_p10=HAND_OVER[0],
            usual_p50=HAND_OVER[1],
            usual_p90=HAND_OVER[2],
            traits=(
                f"weekday:{at.weekday()}",
                f"paid by:{method}",
                f"from:{seller['seller_state']}",
                f"split:{_is_split(items)}",
            ),
            numbers=(at.hour / 12 - 1, weight),
            fine=items[0]["seller_id"],
        )

    def _km(self, sellers: Sequence[Mapping[str, Any]], customer: Mapping[str, Any]) -> float:
        """How far the farthest seller is, where the data has both places."""
        there = self._places.get(customer["customer_zip_code_prefix"])
        starts = [self._places.get(seller["seller_zip_code_prefix"]) for seller in sellers]
        return max((_distance_km(start, there) for start in starts if start and there), default=TYPICAL_KM)


def _riding(
    seller: Mapping[str, Any], customer: Mapping[str, Any], km: float, weight: float, *, is_split: bool
) -> Case:
    origin, destination = seller["seller_state"], customer["customer_state"]
    table = SAME_STATE if origin == destination else OTHER_STATE
    return Case(
        usual_p10=table[0],
        usual_p50=table[1],
        usual_p90=table[2],
        traits=(f"to:{destination}", f"from:{origin}", f"zone:{origin == destination}", f"split:{is_split}"),
        numbers=(log1p(km) - log1p(TYPICAL_KM), (km - TYPICAL_KM) / 1_000, weight),
        fine=customer["customer_zip_code_prefix"][:3],
    )


def _is_split(items: Sequence[Mapping[str, Any]]) -> bool:
    return len({item["seller_id"] for item in items}) > 1


def _distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    (south, west), (north, east) = ((radians(lat), radians(lng)) for lat, lng in (one, other))
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half))


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return rows_of(folder / f"{name}.parquet")


def _grouped(rows: Sequence[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups
