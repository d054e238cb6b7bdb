"""Reading the data: what was bought, paid, sent and delivered, and when; with the times that cannot be mended."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from batuta.kernel.ids import id_from
from examples.parquet import rows_of

BRAZIL = ZoneInfo("America/Sao_Paulo")


class Item(msgspec.Struct, frozen=True):
    product: str
    seller: str
    price_minor: int
    freight_minor: int


class Pay(msgspec.Struct, frozen=True):
    kind: str
    amount_minor: int
    installments: int

    @property
    def is_card(self) -> bool:
        return self.kind == "credit_card"


class Place(msgspec.Struct, frozen=True):
    """Where a postal code prefix lies."""

    zip_prefix: str
    city: str
    state: str
    latitude: float | None
    longitude: float | None


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the data. Times are in the only possible order; None is what never happened."""

    key: str
    id: UUID
    status: str
    customer: str
    place: Place
    items: tuple[Item, ...]
    pays: tuple[Pay, ...]
    placed_at: datetime
    approved_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None

    @property
    def last_known_at(self) -> datetime:
        return self.delivered_at or self.handed_over_at or self.approved_at or self.placed_at

    @property
    def goods_minor(self) -> int:
        return sum(item.price_minor for item in self.items)

    @property
    def freight_minor(self) -> int:
        return sum(item.freight_minor for item in self.items)

    @property
    def paid_minor(self) -> int:
        return sum(pay.amount_minor for pay in self.pays)

    @property
    def difference_minor(self) -> int:
        """What was paid beyond goods and freight."""
        return self.paid_minor - self.goods_minor - self.freight_minor


class Product(msgspec.Struct, frozen=True):
    key: str
    category: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """mended: how many times had to be moved, by what was wrong with them."""

    orders: tuple[Bought, ...]
    products: Mapping[str, Product]
    sellers: Mapping[str, Place]
    customers: Mapping[str, Place]
    mended: Mapping[str, int]


def read(folder: Path, *, limit: int | None = None) -> Data:
    """Read the orders bought first, at most `limit`, with all that belongs to them."""
    items = _grouped(folder / "order_items.parquet", "order_item_id")
    pays = _grouped(folder / "order_payments.parquet", "payment_sequential")
    people = {row["customer_id"]: row for row in rows_of(folder / "customers.parquet")}
    mended: Counter[str] = Counter()
    rows = sorted(
        rows_of(folder / "orders.parquet"), key=lambda row: (row["order_purchase_timestamp"], row["order_id"])
    )
    orders = tuple(
        _bought(row, items[row["order_id"]], pays[row["order_id"]], people[row["customer_id"]], mended)
        for row in rows[:limit]
    )
    sold = {item.product for order in orders for item in order.items}
    selling = {item.seller for order in orders for item in order.items}
    centroids = {row["zip_prefix"]: row for row in rows_of(folder / "zip_centroids.parquet")}
    return Data(
        orders=orders,
        products={
            row["product_id"]: _product(row)
            for row in rows_of(folder / "products_full.parquet")
            if row["product_id"] in sold
        },
        sellers={
            row["seller_id"]: _place(row, "seller", centroids)
            for row in rows_of(folder / "sellers_full.parquet")
            if row["seller_id"] in selling
        },
        customers={
            row["customer_unique_id"]: _place(row, "customer", centroids)
            for row in (people[row["customer_id"]] for row in rows[:limit])
        },
        mended=dict(mended),
    )


def _grouped(path: Path, order: str) -> Mapping[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows_of(path), key=lambda row: int(row[order])):
        grouped[row["order_id"]].append(row)
    return grouped


def _bought(
    row: dict[str, Any],
    items: list[dict[str, Any]],
    pays: list[dict[str, Any]],
    person: dict[str, Any],
    mended: Counter[str],
) -> Bought:
    placed_at = _at(row["order_purchase_timestamp"])
    assert placed_at
    approved_at, handed_over_at, delivered_at = _in_order(row, placed_at, mended if items else Counter())
    return Bought(
        key=row["order_id"],
        id=id_from(f"olist:{row['order_id']}", placed_at),
        status=row["order_status"],
        customer=person["customer_unique_id"],
        place=Place(person["customer_zip_code_prefix"], person["customer_city"], person["customer_state"], None, None),
        items=tuple(
            Item(one["product_id"], one["seller_id"], _minor(one["price"]), _minor(one["freight_value"]))
            for one in items
        ),
        pays=tuple(
            Pay(one["payment_type"], _minor(one["payment_value"]), int(one["payment_installments"])) for one in pays
        ),
        placed_at=placed_at,
        approved_at=approved_at,
        handed_over_at=handed_over_at,
        delivered_at=delivered_at,
    )


def _in_order(
    row: dict[str, Any], placed_at: datetime, mended: Counter[str]
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """The times of an order as they can only have been: none before the one that leads to it, none missing."""
    approved_at = _at(row["order_approved_at"])
    handed_over_at = _at(row["order_delivered_carrier_date"])
    delivered_at = _at(row["order_delivered_customer_date"])
    before = approved_at or placed_at
    if handed_over_at and handed_over_at < before:
        mended["handed over before approved"] += 1
        handed_over_at = before
    if handed_over_at is None and row["order_status"] in {"shipped", "delivered"}:
        mended["hand-over missing"] += 1
        handed_over_at = delivered_at or before
    if delivered_at and handed_over_at and delivered_at < handed_over_at:
        mended["delivered before handed over"] += 1
        delivered_at = handed_over_at
    if delivered_at is None and row["order_status"] == "delivered":
        mended["delivery missing"] += 1
        delivered_at = handed_over_at
    return approved_at, handed_over_at, delivered_at


def _at(local: datetime | None) -> datetime | None:
    return local.replace(tzinfo=BRAZIL).astimezone(UTC) if local else None


def _minor(amount: float) -> int:
    return int((Decimal(str(amount)) * 100).to_integral_value())


def _product(row: dict[str, Any]) -> Product:
    def whole(name: str, times: int) -> int:
        return round((row[name] or 0) * times)

    return Product(
        row["product_id"],
        row["product_category_name_english"] or row["product_category_name"] or "other",
        whole("product_weight_g", 1),
        whole("product_length_cm", 10),
        whole("product_width_cm", 10),
        whole("product_height_cm", 10),
    )


def _place(row: dict[str, Any], whose: str, centroids: Mapping[str, dict[str, Any]]) -> Place:
    prefix = row[f"{whose}_zip_code_prefix"]
    known = centroids.get(prefix, {})
    return Place(prefix, row[f"{whose}_city"], row[f"{whose}_state"], known.get("lat"), known.get("lng"))
