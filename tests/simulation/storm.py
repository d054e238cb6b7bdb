"""A storm of rejections, by one seed: every location says no to half of what it is offered (SRC-08).

Whoever runs it looks at `Ended`: every order is fulfilled, parked or cancelled for a reason, and none was offered to a
location again that had given the same goods back less long ago than its ban lasts.
"""

import random
from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text

from batuta.company.domain import Policies
from batuta.fulfillment.commands import dispatch, reject
from batuta.fulfillment.domain import OVER, Dispatch, FulfillmentStatus, Reject, RejectionReason
from batuta.fulfillment.queries import fulfillment_orders_by_id
from batuta.kernel.errors import BatutaError
from batuta.ordering.commands import place
from batuta.ordering.domain import Means, Placed
from batuta.plumbing.database import Engine
from batuta.shipping.commands import record_tracking
from batuta.shipping.queries import parcels_of_owner
from tests.journeys.journey import SELLER, Journey
from tests.ordering.test_commands import an_order
from tests.world import build_carrier, build_shop

PRICE_MINOR, SHIPPING_MINOR = 1_000, 490
AT_ONCE = 100
ROUNDS_MAX = 200
REASONS = {
    RejectionReason.OTHER: 60,
    RejectionReason.NOT_FOUND: 60,
    RejectionReason.DAMAGED: 40,
    RejectionReason.NOT_SELLABLE: 30,
    RejectionReason.OUT_OF_STOCK: 4,
    RejectionReason.CANNOT_SERVE: 2,
    RejectionReason.CLOSED: 1,
}
"""How often each is said. The last three speak for all orders: said half the time, nobody would be asked any more."""
QUIET_HOURS, QUIET_MAX = 6, 6
"""Nothing is offered: so long until those that wait are looked at again, and so often."""
POLICIES = Policies(
    are_messages_muted=True, label_format="zpl", park_days=3, rejections_max=4, duplicate_minutes=0, offer_minutes=240
)

_OFFERED = text(
    "SELECT id FROM fulfillment.fulfillment_order WHERE status = 'offered' AND order_id = ANY(:ids) ORDER BY id"
)

_ENDED = text("""
    SELECT o.id, o.status, p.queue, p.reason AS parked_because, p.ended_at,
           (SELECT h.reason FROM ordering.hold h WHERE h.order_id = o.id AND h.status = 'active' LIMIT 1) AS held,
           (SELECT c.reason FROM ordering.cancellation c WHERE c.order_id = o.id LIMIT 1) AS cancelled_because
    FROM ordering."order" o LEFT JOIN sourcing.parking p ON p.order_id = o.id AND p.ended_at IS NULL
    WHERE o.id = ANY(:ids)
""")

_WITHIN_BAN = text("""
    SELECT count(*) FROM sourcing.rejection r
    JOIN fulfillment.fulfillment_order f ON f.order_id = r.order_id AND f.location_id = r.location_id
    JOIN fulfillment.fulfillment_line l ON l.fulfillment_order_id = f.id AND l.sku_id = r.sku_id
    WHERE r.order_id = ANY(:ids) AND r.quantity > 0 AND f.created_at > r.created_at
      AND (r.until_at IS NULL OR f.created_at < r.until_at)
""")


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """orders, fulfilled, parked, cancelled, unexplained, rejections, offered_within_ban: how many."""

    orders: int
    fulfilled: int
    parked: int
    cancelled: int
    unexplained: int
    offers: int
    rejections: int
    offered_within_ban: int


async def storm(engine: Engine, *, orders: int, locations: int, seed: int) -> Ended:
    """Place the orders and let locations answer until nothing is offered any more."""
    chance = random.Random(seed)
    names = [f"store{i:02}" for i in range(locations)]
    each = max(2, orders // locations)
    stock = {sku: {name: chance.randint(each // 2, each * 2) for name in names} for sku in ("chair", "table", "lamp")}
    async with engine.begin() as db:
        shop = await build_shop(db, stock=stock, price_minor=PRICE_MINOR, policies=POLICIES)
        await build_carrier(db)
    journey = Journey(engine, shop)
    ids = await _place(journey, chance, orders)
    said = [0, 0]
    quiet = 0
    for _ in range(ROUNDS_MAX):
        await journey.pass_time(minutes=1)
        async with engine.connect() as db:
            offered = list(await db.scalars(_OFFERED, {"ids": ids}))
        if not offered:
            quiet += 1
            if quiet > QUIET_MAX:
                break
            await journey.pass_time(hours=QUIET_HOURS)
        for i in range(0, len(offered), AT_ONCE):
            no, offers = await _answer(journey, chance, offered[i : i + AT_ONCE])
            said[0], said[1] = said[0] + no, said[1] + offers
    await _deliver(journey, ids)
    return await _count(engine, ids, *said)


async def _place(journey: Journey, chance: random.Random, orders: int) -> list[UUID]:
    placed: list[UUID] = []
    while len(placed) < orders:
        wishes = []
        for _ in range(min(AT_ONCE, orders - len(placed))):
            lines = [(sku, 1) for sku in chance.sample(["chair", "table", "lamp"], k=chance.choice([1, 1, 1, 2, 3]))]
            total = len(lines) * PRICE_MINOR + SHIPPING_MINOR
            means = [Means(method="card", amount_minor=total, token="tok_visa")]
            wishes.append(an_order(journey.shop, *lines, means=means, placed_at=journey.now))
        outcomes = await journey.ask(place, orders=wishes)
        assert all(isinstance(one, Placed) for one in outcomes), outcomes
        placed += [one.id for one in wishes]
        await journey.pass_time(seconds=1)
    return placed


async def _answer(journey: Journey, chance: random.Random, offered: Sequence[UUID]) -> tuple[int, int]:
    """Half of the offers are rejected, for whatever reason; the others are sent at once, or found to be short."""
    no = [id_ for id_ in offered if chance.random() < 0.5]
    rejections = [
        Reject(
            fulfillment_order_id=id_,
            reason=chance.choices(list(REASONS), list(REASONS.values()))[0],
            takes_all=chance.random() < 0.3,
            actor=SELLER,
        )
        for id_ in no
    ]
    await journey.ask(reject, rejections=rejections)
    yes = [id_ for id_ in offered if id_ not in set(no)]
    sent = [Dispatch(fulfillment_order_id=id_, actor=SELLER, label_format="zpl") for id_ in yes]
    outcomes = await journey.ask(dispatch, dispatches=sent)
    stuck = [id_ for id_, one in zip(yes, outcomes, strict=True) if isinstance(one, BatutaError)]
    async with journey.engine.connect() as db:
        found = await fulfillment_orders_by_id(db, stuck)
    missing = [one for one in found.values() if one.status not in OVER and one.status != FulfillmentStatus.OFFERED]
    again = [Reject(fulfillment_order_id=one.id, reason=RejectionReason.NOT_FOUND, actor=SELLER) for one in missing]
    await journey.ask(reject, rejections=again)
    return len(no) + len(again), len(offered)


def _reason(chance: random.Random) -> RejectionReason:
    return chance.choices(list(REASONS), list(REASONS.values()))[0]


async def _deliver(journey: Journey, ids: Sequence[UUID]) -> None:
    """The carriers bring everything that left; then the days pass for which orders wait."""
    async with journey.engine.connect() as db:
        parcels = [one for those in (await parcels_of_owner(db, ids)).values() for one in those]
    scans = [journey.scan(one, "delivered", journey.now) for one in parcels]
    for i in range(0, len(scans), AT_ONCE):
        await journey.ask(record_tracking, scans=scans[i : i + AT_ONCE])
    await journey.pass_time(seconds=1)


async def _count(engine: Engine, ids: Sequence[UUID], rejections: int, offers: int) -> Ended:
    async with engine.connect() as db:
        rows = (await db.execute(_ENDED, {"ids": ids})).all()
        within = await db.scalar(_WITHIN_BAN, {"ids": ids})
    fulfilled = [row for row in rows if row.status == "completed"]
    cancelled = [row for row in rows if row.status == "cancelled" and row.cancelled_because]
    parked = [row for row in rows if row.status in {"accepted", "in_progress"} and row.parked_because and row.held]
    return Ended(
        orders=len(rows),
        fulfilled=len(fulfilled),
        parked=len(parked),
        cancelled=len(cancelled),
        unexplained=len(rows) - len(fulfilled) - len(cancelled) - len(parked),
        offers=offers,
        rejections=rejections,
        offered_within_ban=within or 0,
    )
