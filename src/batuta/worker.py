"""All that happens by itself, put together; and the worker that lets it happen.

This module, `app` and `cli` are the ones that know every room.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import structlog

from batuta.connectors.webhooks.adapters.http import Sender
from batuta.connectors.webhooks.commands import following, forget_deliveries
from batuta.connectors.webhooks.jobs import deliver, look_for_due
from batuta.connectors.webhooks.queries import AUDIT as WEBHOOKS_LAWS
from batuta.fulfillment.commands import escalate_offers, expire_offers, expire_pickups, learn_processing
from batuta.fulfillment.queries import AUDIT as FULFILLMENT_LAWS
from batuta.identity.commands import forget_allowances, forget_begun, forget_sessions
from batuta.inventory.commands import (
    fall_silent,
    forget_messages,
    promise_overdue,
    recompute_safety,
    release_expired,
    serve_waiting,
)
from batuta.inventory.commands.lots import LOTS_DUE, retire_lots
from batuta.inventory.commands.replenishing import replenish_due
from batuta.inventory.queries import AUDIT as INVENTORY_LAWS
from batuta.kernel.errors import Unavailable
from batuta.kernel.ids import new_id
from batuta.notifications.jobs import send
from batuta.orchestration.commands.parking import cancel_parked
from batuta.orchestration.commands.pooling import PLAN_POOLS, begin_due_pools
from batuta.orchestration.jobs import plan_pools
from batuta.orchestration.score import score
from batuta.ordering.commands import end_patience, expire_unpaid, forget_carts, release_due_holds
from batuta.ordering.queries import AUDIT as ORDERING_LAWS
from batuta.payments.adapters.test_provider import AUDIT as TEST_PROVIDER_LAWS
from batuta.payments.commands import expire_authorisations, renew_authorisations
from batuta.payments.jobs import carry_out
from batuta.payments.queries import AUDIT as PAYMENTS_LAWS
from batuta.plumbing import jobs
from batuta.plumbing.audit import PLUMBING, Law
from batuta.plumbing.database import Engine
from batuta.plumbing.jobs import Handler
from batuta.plumbing.keys import forget_old
from batuta.plumbing.outage import outage
from batuta.plumbing.settings import Settings
from batuta.plumbing.stepping import Clockwork, settle
from batuta.plumbing.sweeps import Sweep
from batuta.plumbing.watching import begin_watching, watch
from batuta.pricing.queries import AUDIT as PRICING_LAWS
from batuta.purchasing.queries import AUDIT as PURCHASING_LAWS
from batuta.returns.commands import expire_returns
from batuta.returns.queries import AUDIT as RETURNS_LAWS
from batuta.shipping.commands import learn_transit, match_scans
from batuta.shipping.queries import AUDIT as SHIPPING_LAWS
from batuta.sourcing.commands import generate_slots, release_expired_slots, shorten_decisions
from batuta.sourcing.queries import AUDIT as SOURCING_LAWS

STEP_EVERY_S = 1.0
PAUSE_AFTER_TROUBLE_S = 2.0
WATCH_EVERY_S = 5.0
TIDY_EVERY_S = 3_600.0
DELIVER_EVERY_S = 1.0
ENDPOINTS_AT_ONCE_MAX = 50

LAWS: tuple[Law, ...] = (
    *PLUMBING,
    *INVENTORY_LAWS,
    *PRICING_LAWS,
    *PAYMENTS_LAWS,
    *TEST_PROVIDER_LAWS,
    *SHIPPING_LAWS,
    *SOURCING_LAWS,
    *ORDERING_LAWS,
    *FULFILLMENT_LAWS,
    *RETURNS_LAWS,
    *PURCHASING_LAWS,
    *WEBHOOKS_LAWS,
)
"""All that must be true of a sound database, from the bottom of the house to its top."""

SWEEPS = (
    Sweep(
        "answers kept for a day",
        forget_old,
        due="SELECT FROM plumbing.idempotency WHERE created_at <= :now - interval '24 hours'",
    ),
    Sweep(
        "soft claims that have run out",
        release_expired,
        due="SELECT FROM inventory.reservation WHERE expires_at <= :now",
    ),
    Sweep(
        "safety stock of the day",
        recompute_safety,
        due="SELECT FROM inventory.safety_policy WHERE due_at <= :now",
    ),
    Sweep(
        "stores that are filled up from their center",
        replenish_due,
        due="SELECT FROM inventory.replenishment_schedule WHERE next_at <= :now",
    ),
    Sweep(
        "lots past their date or called back",
        retire_lots,
        due=LOTS_DUE,
    ),
    Sweep(
        "feeds of stock that nobody hears",
        fall_silent,
        due="SELECT FROM inventory.feed WHERE silence_due_at <= :now",
    ),
    Sweep(
        "messages of feeds of a month ago",
        forget_messages,
        due="SELECT FROM inventory.feed_message WHERE received_at <= :now - interval '30 days'",
    ),
    Sweep(
        "lines that wait for what is there",
        serve_waiting,
        due=(
            "SELECT FROM inventory.waiting w JOIN inventory.stock s ON s.sku_id = w.sku_id"
            " WHERE w.units > 0 AND w.looked_at <= :now - interval '1 minute'"
            " AND s.condition = 'sellable' AND s.on_hand - s.reserved - s.safety > 0"
        ),
    ),
    Sweep(
        "supply that should have come",
        promise_overdue,
        due="SELECT FROM inventory.waiting WHERE units > 0 AND promised_at <= :now - interval '1 day'",
    ),
    Sweep(
        "promises that were broken for too long",
        end_patience,
        due="SELECT FROM inventory.waiting WHERE units > 0 AND patience_until_at <= :now",
    ),
    Sweep(
        "orders that nobody paid",
        expire_unpaid,
        due="SELECT FROM ordering.\"order\" WHERE status = 'placed' AND expires_at <= :now",
    ),
    Sweep(
        "holds whose time has come",
        release_due_holds,
        due="SELECT FROM ordering.hold WHERE status = 'active' AND due_at <= :now",
    ),
    Sweep(
        "carts that nobody came back to",
        forget_carts,
        due="SELECT FROM ordering.cart WHERE expires_at <= :now",
    ),
    Sweep(
        "authorisations near their end",
        renew_authorisations,
        due="SELECT FROM payments.payment WHERE watch_at <= :now AND authorised_until > :now",
    ),
    Sweep(
        "authorisations at their end",
        expire_authorisations,
        due="SELECT FROM payments.payment WHERE watch_at <= :now AND authorised_until <= :now",
    ),
    Sweep(
        "scans that came before their parcel",
        match_scans,
        due="SELECT FROM shipping.unmatched_scan u JOIN shipping.parcel p ON p.tracking_number = u.tracking_number",
    ),
    Sweep(
        "deliveries that teach how long lanes take",
        learn_transit,
        due="""
            SELECT FROM shipping.service s LEFT JOIN shipping.transit_model m ON m.service_id = s.id
            WHERE coalesce(m.due_at <= :now, true) AND EXISTS (
                SELECT FROM shipping.parcel p
                WHERE p.service_id = s.id AND p.delivered_at > coalesce(m.heard_until_at, '-infinity')
                  AND p.delivered_at <= :now
            )
        """,
    ),
    Sweep(
        "parcels that teach how long locations take",
        learn_processing,
        due="""
            SELECT FROM (SELECT max(learned_at) AS at FROM shipping.preparing) AS learned
            WHERE coalesce(learned.at <= :now - interval '1 day', true) AND EXISTS (
                SELECT FROM fulfillment.package
                WHERE packed_at > greatest(learned.at, :now - interval '90 days') AND packed_at <= :now
            )
        """,
    ),
    Sweep(
        "offers that nobody answered",
        expire_offers,
        due="SELECT FROM fulfillment.fulfillment_order WHERE status = 'offered' AND expires_at <= :now",
    ),
    Sweep(
        "offers whose silence puts a promise at risk",
        escalate_offers,
        due=(
            "SELECT FROM fulfillment.fulfillment_order"
            " WHERE status = 'offered' AND escalated_at IS NULL AND escalate_at <= :now"
        ),
    ),
    Sweep(
        "parked orders that waited too long",
        cancel_parked,
        due="SELECT FROM sourcing.parking WHERE ended_at IS NULL AND cancel_at <= :now",
    ),
    Sweep(
        "pickups that nobody collected",
        expire_pickups,
        due="SELECT FROM fulfillment.fulfillment_order WHERE status = 'ready' AND collect_until_at <= :now",
    ),
    Sweep(
        "sessions that ended long ago",
        forget_sessions,
        due="SELECT FROM identity.session WHERE created_at < :now - interval '30 days'",
    ),
    Sweep(
        "sign-ins that never came back from their provider",
        forget_begun,
        due="SELECT FROM identity.openid_begun WHERE created_at < :now - interval '10 minutes'",
    ),
    Sweep(
        "rate limits that nobody uses",
        forget_allowances,
        due="SELECT FROM identity.allowance WHERE until_at < :now - interval '1 day'",
    ),
    Sweep(
        "decisions of months ago",
        shorten_decisions,
        due="SELECT FROM sourcing.decision WHERE is_whole AND at <= :now - interval '90 days'",
    ),
    Sweep(
        "orders that waited to be planned together",
        begin_due_pools,
        due="SELECT FROM sourcing.pooled WHERE due_at <= :now",
    ),
    Sweep(
        "slots of the days ahead",
        generate_slots,
        due="SELECT FROM sourcing.slot_template WHERE generate_at <= :now",
    ),
    Sweep(
        "places in slots that have run out",
        release_expired_slots,
        due="SELECT FROM sourcing.slot_hold WHERE expires_at <= :now",
    ),
    Sweep(
        "returns that nobody sent",
        expire_returns,
        due="SELECT FROM returns.return WHERE status IN ('requested', 'approved', 'label_sent') AND expires_at <= :now",
    ),
    Sweep(
        "webhooks of months ago",
        forget_deliveries,
        due="SELECT FROM webhooks.delivery WHERE created_at <= :now - interval '90 days'",
    ),
)

_log = structlog.get_logger("batuta.worker")


def clockwork(settings: Settings) -> Clockwork:
    """The score, the sweeps, and the jobs of an installation; without a mail server, mail waits."""
    handlers: dict[str, Handler] = {"payments.carry_out": carry_out, PLAN_POOLS: plan_pools}
    if settings.smtp_url:
        handlers["notifications.send"] = partial(send, smtp_url=settings.smtp_url, sender=settings.mail_sender)
    return Clockwork(reactions=(score(), following()), sweeps=SWEEPS, handlers=handlers)


async def work_on(engine: Engine, works: Clockwork) -> None:
    """Take a step each second until cancelled. A database that is away is waited for; nothing depends on a wake-up."""
    worker = new_id(datetime.now(UTC), random.SystemRandom())

    async def step(now: datetime) -> None:
        await settle(engine, works, now=now, worker=worker)

    await _again_and_again(step, every_s=STEP_EVERY_S)


async def watch_on(engine: Engine, works: Clockwork) -> None:
    """Keep the metrics up to date until cancelled, also while a step takes long or fails."""
    begin_watching([one.name for one in works.reactions])

    async def look(now: datetime) -> None:
        await watch(engine, now=now)

    await _again_and_again(look, every_s=WATCH_EVERY_S)


async def tidy_on(engine: Engine) -> None:
    """Forget the log of jobs that ended long ago, until cancelled."""

    async def tidy(now: datetime) -> None:
        async with engine.begin() as db:
            await jobs.prune(db, before=now - jobs.LOG_KEPT)

    await _again_and_again(tidy, every_s=TIDY_EVERY_S)


async def deliver_on(engine: Engine, sender: Sender) -> None:
    """Send webhooks that are due until cancelled: to each endpoint by itself, so that a slow one keeps nobody waiting.

    They are no part of a step, since what follows what in the house must not wait for strangers either.
    """
    busy: dict[UUID, asyncio.Task[None]] = {}

    async def serve(endpoint_id: UUID) -> None:
        try:
            async with sender.open() as post:
                while await deliver(engine, endpoint_ids=[endpoint_id], post=post, now=datetime.now(UTC)):
                    pass
        except Exception as error:  # noqa: BLE001 the edge of the worker
            # What was taken is free again when its time is over.
            if not outage(error):
                _log.exception("delivery_broke", endpoint_id=str(endpoint_id))
        finally:
            del busy[endpoint_id]

    async def look(now: datetime) -> None:
        due = await look_for_due(engine, busy=busy, now=now)
        for endpoint_id in due[: ENDPOINTS_AT_ONCE_MAX - len(busy)]:
            busy[endpoint_id] = asyncio.create_task(serve(endpoint_id))

    try:
        await _again_and_again(look, every_s=DELIVER_EVERY_S)
    finally:
        ending = list(busy.values())
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


@contextlib.asynccontextmanager
async def working(engine: Engine, works: Clockwork, *, sender: Sender | None = None) -> AsyncIterator[None]:
    """A worker beside the block, ended with it; an unfinished transaction rolls back and is done again later.

    sender: by which webhooks go out; without it, they wait.
    """
    tasks = [asyncio.create_task(work_on(engine, works)), asyncio.create_task(watch_on(engine, works))]
    if sender:
        tasks.append(asyncio.create_task(deliver_on(engine, sender)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(act: Callable[[datetime], Awaitable[None]], *, every_s: float) -> None:
    told: str | None = None
    while True:
        pause_s = every_s
        try:
            await act(datetime.now(UTC))
            told = None
        except Exception as error:  # noqa: BLE001 the edge of the worker
            pause_s = max(every_s, PAUSE_AFTER_TROUBLE_S)
            problem = error if isinstance(error, Unavailable) else outage(error)
            if problem is None:
                # A bug in one step must not end all steps; it is logged, and shows in the lag.
                _log.exception("step_broke")
            elif problem.code != told:
                told = problem.code
                _log.warning("step_waits", code=problem.code, problem=problem.sentence, **problem.facts)
        await asyncio.sleep(pause_s)
