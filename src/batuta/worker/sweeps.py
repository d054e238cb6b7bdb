"""What time does, from the bottom of the house to its top."""

from batuta.connectors.webhooks.commands import forget_deliveries
from batuta.fulfillment.commands import escalate_offers, expire_offers, expire_pickups, learn_processing
from batuta.identity.commands import forget_allowances, forget_begun, forget_sessions
from batuta.inventory.commands import (
    fall_silent,
    forget_messages,
    promise_overdue,
    recompute_safety,
    release_expired,
    serve_waiting,
)
from batuta.inventory.commands.learning import LATENESS_DUE, learn_latenesses
from batuta.inventory.commands.lots import LOTS_DUE, retire_lots
from batuta.inventory.commands.replenishing import replenish_due
from batuta.inventory.commands.worth import learn_counter_sales
from batuta.orchestration.commands.parking import cancel_parked
from batuta.orchestration.commands.pooling import begin_due_pools
from batuta.ordering.commands import end_patience, expire_unpaid, forget_carts, release_due_holds
from batuta.payments.commands import expire_authorisations, renew_authorisations
from batuta.plumbing.keys import forget_old
from batuta.plumbing.sweeps import Sweep
from batuta.rehearsal.commands import forget_differences
from batuta.returns.commands import expire_returns
from batuta.shipping.commands import learn_transit, match_scans
from batuta.sourcing.commands import (
    forget_pool_runs,
    forget_slots,
    generate_slots,
    release_expired_capacity,
    release_expired_slots,
    shorten_decisions,
)

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
        "what locations sell themselves, day by day",
        learn_counter_sales,
        due="SELECT FROM inventory.stock_worth WHERE learn_at <= :now",
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
        "deliveries that teach how late suppliers are",
        learn_latenesses,
        due=LATENESS_DUE,
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
        "pools that were planned months ago",
        forget_pool_runs,
        due="SELECT FROM sourcing.pool_run WHERE planned_at <= :now - interval '90 days'",
    ),
    Sweep(
        "slots of months ago",
        forget_slots,
        due=(
            "SELECT FROM sourcing.slot WHERE from_at <= :now - interval '90 days'"
            " AND until_at <= :now - interval '90 days'"
        ),
    ),
    Sweep(
        "capacity of locations held for offers that have run out",
        release_expired_capacity,
        due="SELECT FROM sourcing.capacity_hold WHERE expires_at <= :now",
    ),
    Sweep(
        "returns that nobody sent",
        expire_returns,
        due="SELECT FROM returns.return WHERE status IN ('requested', 'approved', 'label_sent') AND expires_at <= :now",
    ),
    Sweep(
        "differences that drafts would have made months ago",
        forget_differences,
        due="""
            SELECT FROM rehearsal.shadow_difference WHERE at <= :now - interval '90 days'
            UNION ALL
            SELECT FROM rehearsal.shadow_day WHERE day < ((:now - interval '90 days') AT TIME ZONE 'UTC')::date
        """,
    ),
    Sweep(
        "webhooks of months ago",
        forget_deliveries,
        due="SELECT FROM webhooks.delivery WHERE created_at <= :now - interval '90 days'",
    ),
)
