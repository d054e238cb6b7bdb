"""`batuta audit`: sound databases pass, and for every law there is a damage that is found and named."""

import asyncio
from collections.abc import Callable

import pytest

from batuta.cli.demo import load_demo
from batuta.plumbing.migrate import OlderDatabase
from batuta.worker import LAWS
from tests.composition.databases import batuta, engine_on, migrated_database, told, write
from tests.making import NOW, fresh_code


def changed(table: str, change: str, *, where: str = "true", named: str = "id") -> str:
    """A statement that changes one row and returns the name by which the audit shall find it."""
    return f"""
        UPDATE {table} SET {change} WHERE ctid = (SELECT ctid FROM {table} WHERE {where} LIMIT 1) RETURNING {named}
    """


def deleted(table: str, *, where: str = "true", named: str = "id") -> str:
    return f"DELETE FROM {table} WHERE ctid = (SELECT ctid FROM {table} WHERE {where} LIMIT 1) RETURNING {named}"


EXPECTED = """
    WITH coming AS (
        INSERT INTO inventory.expected (
            id, sku_id, location_id, quantity, received, kind, status, due_at, first_due_at, document, actor,
            created_at)
        SELECT gen_random_uuid(), sku_id, location_id, 2, 1, 'purchase', 'open', recorded_at, recorded_at, 'PO', 'test',
            recorded_at
        FROM inventory.stock JOIN inventory.movement USING (sku_id) LIMIT 1 RETURNING id, sku_id)
"""

BOUGHT = """
    asked AS (SELECT * FROM fulfillment.fulfillment_order LIMIT 1),
    supplier AS (
        INSERT INTO purchasing.supplier (location_id, price_tolerance_bp, quantity_tolerance, needs_approval,
            updated_at)
        SELECT location_id, 0, 0, false, created_at FROM asked RETURNING location_id),
    bought AS (
        INSERT INTO purchasing.purchase (id, fulfillment_order_id, order_id, order_number, location_id, status,
            currency, created_at)
        SELECT id, id, order_id, order_number, location_id, 'sent', 'EUR', created_at FROM asked RETURNING id)
"""

SHADOW = """
    shadow AS (
        SELECT id, id AS version_id, 'tried' AS strategy_code, 1 AS number, '{}'::jsonb AS document,
            placed_at AS begun_at, 'test' AS begun_by, placed_at AS ended_at, 'test' AS ended_by, 0 AS left_out
        FROM ordering."order" LIMIT 1)
"""

MADE = """
        INSERT INTO fulfillment.work_order (id, fulfillment_order_id, order_id, order_number, location_id, line_id,
            sku_id, quantity, status, parts, recipe, personalisation, version, created_at, updated_at)
        SELECT gen_random_uuid(), id, order_id, order_number, location_id, line_id, line_id, live, 'open', '[]', '{}',
            '{}', 1, created_at, created_at
        FROM asked RETURNING id
"""

DAMAGES = {
    "what claims gave back is noted": """
        INSERT INTO inventory.release
            (reservation_id, held, units, holder_id, sku_id, location_id, lot, released_at)
        SELECT id, 0, 1, holder_id, sku_id, location_id, lot, created_at FROM inventory.reservation LIMIT 1
        RETURNING reservation_id
        """,
    "what is made to order and accepted has a work order of as many units": f"""
        WITH asked AS (SELECT *, gen_random_uuid() AS line_id, 1 AS live FROM fulfillment.fulfillment_order LIMIT 1)
        {MADE}
        """,
    "what is made to order is packed once its work order is done": f"""
        WITH made AS (
            UPDATE fulfillment.fulfillment_line SET makes = sku_id
            WHERE ctid = (SELECT ctid FROM fulfillment.fulfillment_line WHERE packed > 0 LIMIT 1)
            RETURNING fulfillment_order_id, line_id, (quantity - short - cancelled) / per_unit AS live),
        asked AS (
            SELECT f.*, made.line_id, made.live
            FROM made JOIN fulfillment.fulfillment_order f ON f.id = made.fulfillment_order_id)
        {MADE}
        """,
    "no two prices of a list and SKU hold at once": """
        INSERT INTO pricing.price
        SELECT (jsonb_populate_record(p, jsonb_build_object('from_at', p.from_at - interval '1 day'))).*
        FROM pricing.price p LIMIT 1 RETURNING sku_id
        """,
    "no two tax rates of a place and category hold at once": """
        INSERT INTO pricing.tax_rate
        SELECT (jsonb_populate_record(t, jsonb_build_object('from_at', t.from_at - interval '1 day'))).*
        FROM pricing.tax_rate t LIMIT 1 RETURNING tax_category
        """,
    "every reaction stands at a fact of the log, or at its beginning": changed(
        "plumbing.reaction", "id = id + 1000000", named="name"
    ),
    "what a line costs of which nothing is cancelled is its price and what substitutions put on or took off": changed(
        "ordering.line", """repriced = '{"units": 1, "amount_minor": -1}'""", where="cancelled = 0"
    ),
    "no sweep fails": """
        INSERT INTO plumbing.failed_sweep (name, failures, error, since_at, failed_at, again_at)
        SELECT 'what is past its day', 3, 'RuntimeError: the broom broke', at, at, at
        FROM (SELECT recorded_at AS at FROM plumbing.event LIMIT 1) AS noted RETURNING name
        """,
    "no stream is parked": """
        INSERT INTO plumbing.parked (reaction, stream, epoch, xid, id, error, parked_at)
        SELECT 'score', stream, epoch, xid, id, 'ValueError: no', happened_at FROM plumbing.event LIMIT 1
        RETURNING stream
    """,
    "every parked fact lies behind the position of its reaction": """
        INSERT INTO plumbing.parked (reaction, stream, epoch, xid, id, parked_at)
        SELECT 'nobody', stream, epoch, xid, id, happened_at FROM plumbing.event LIMIT 1
        RETURNING stream
    """,
    "no job is held": """
        INSERT INTO jobs.pgqueuer (priority, status, entrypoint) VALUES (0, 'failed', 'payments.carry_out') RETURNING id
    """,
    "every stock row is the sum of its movements": changed("inventory.stock", "on_hand = on_hand + 1", named="sku_id"),
    "reserved is the sum of held claims": changed("inventory.stock", "reserved = reserved + 1", named="sku_id"),
    "no soft claim ends before its stock row says": changed(
        "inventory.reservation", "expires_at = expires_at - interval '1 day'", where="expires_at IS NOT NULL"
    ),
    "nothing left a parcel that was not in it": deleted(
        "inventory.movement",
        where="target_parcel_id IN (SELECT source_parcel_id FROM inventory.movement WHERE source_kind = 'parcel')",
        named="target_parcel_id",
    ),
    "what is used of a pool is what claims have of it": """
        WITH one AS (
            INSERT INTO inventory.pool (id, code, on_empty, actor, created_at)
            SELECT sku_id, 'VIP', 'common', 'test', '2026-03-02' FROM inventory.stock LIMIT 1 RETURNING id
        )
        INSERT INTO inventory.pool_stock (pool_id, sku_id, location_id, allocated, used)
        SELECT one.id, s.sku_id, s.location_id, 2, 1 FROM one, inventory.stock s WHERE s.sku_id = one.id LIMIT 1
        RETURNING pool_id
        """,
    "every lot is sold until the day it says, and not when it is called back": """
        WITH one AS (SELECT * FROM inventory.stock WHERE condition = 'sellable' AND on_hand > 0 LIMIT 1), told AS (
            INSERT INTO inventory.lot (id, sku_id, code, expires_on, supplier_lot, min_remaining_days, recall_reason,
                created_at, updated_at)
            SELECT sku_id, sku_id, 'L1', '2026-03-05', '', 0, '', '2026-03-02', '2026-03-02' FROM one
        )
        INSERT INTO inventory.stock (sku_id, location_id, condition, lot, on_hand, reserved, safety)
        SELECT sku_id, location_id, 'sellable', 'L1', 1, 0, 0 FROM one RETURNING sku_id
        """,
    "a piece with a serial number is an order line's exactly while it is packed or sold": """
        INSERT INTO inventory.serial (sku_id, serial, status, lot, updated_at)
        SELECT id, 'SN-1', 'sold', '', created_at FROM catalog.sku LIMIT 1 RETURNING serial
        """,
    "of a unique piece there is one": changed(
        "catalog.sku", "is_unique = true", where="id IN (SELECT sku_id FROM inventory.stock WHERE on_hand > 1)"
    ),
    "kits and their parts went in and out of every work on kits as it says": """
        INSERT INTO inventory.kit_work (id, kit_id, location_id, verb, quantity, lot, parts, actor, worked_at)
        SELECT sku_id, sku_id, location_id, 'build', 1, '', '[]', 'staff:ana', '2026-03-02' FROM inventory.stock LIMIT 1
        RETURNING kit_id
        """,
    "every line of a posted count has moved what it differed by": """
        INSERT INTO inventory.count_line
            (id, count_id, position, sku_id, condition, lot, status, is_found, variance, reason, note)
        SELECT gen_random_uuid(), location_id, 0, sku_id, condition, lot, 'posted', false, 1, 'found', ''
        FROM inventory.stock LIMIT 1 RETURNING id
    """,
    "a place stands still only for a count that goes on": """
        INSERT INTO inventory.standstill (sku_id, location_id, count_id)
        SELECT sku_id, location_id, gen_random_uuid() FROM inventory.stock LIMIT 1 RETURNING count_id
    """,
    "what is under way in a transfer is what its lines lack": """
        INSERT INTO inventory.transfer_line
            (id, transfer_id, position, sku_id, requested, approved, picked, shipped, received, damaged, lost,
                sent_back)
        SELECT gen_random_uuid(), gen_random_uuid(), 0, sku_id, 1, 1, 1, 1, 0, 0, 0, 0
        FROM inventory.stock LIMIT 1 RETURNING transfer_id
    """,
    "a transfer claims what it has picked, until that is shipped": """
        WITH made AS (
            INSERT INTO inventory.transfer (id, source_location_id, target_location_id, kind, status, carrier,
                tracking_number, note, created_at)
            SELECT gen_random_uuid(), location_id, sku_id, 'manual', 'picked', '', '', '', '2026-03-02'
            FROM inventory.stock LIMIT 1 RETURNING id
        )
        INSERT INTO inventory.transfer_line
            (id, transfer_id, position, sku_id, requested, approved, picked, shipped, received, damaged, lost,
                sent_back)
        SELECT gen_random_uuid(), id, 0, id, 2, 2, 2, 0, 0, 0, 0, 0 FROM made RETURNING transfer_id
    """,
    "no more of a transfer is earmarked for orders than still comes of it": """
        WITH made AS (
            INSERT INTO inventory.transfer (id, source_location_id, target_location_id, kind, status, carrier,
                tracking_number, note, created_at)
            SELECT gen_random_uuid(), location_id, sku_id, 'order', 'cancelled', '', '', '', '2026-03-02'
            FROM inventory.stock LIMIT 1 RETURNING id
        ), line AS (
            INSERT INTO inventory.transfer_line
                (id, transfer_id, position, sku_id, requested, approved, picked, shipped, received, damaged, lost,
                    sent_back)
            SELECT gen_random_uuid(), id, 0, id, 2, 2, 0, 0, 0, 0, 0, 0 FROM made RETURNING id, transfer_id, sku_id
        )
        INSERT INTO inventory.earmark (transfer_line_id, line_id, transfer_id, order_id, sku_id, asked, units)
        SELECT id, id, transfer_id, id, sku_id, 2, 1 FROM line RETURNING transfer_id
    """,
    "what a feed's counts corrected is what the ledger moved for them": """
        INSERT INTO inventory.feed_difference
        SELECT gen_random_uuid(), gen_random_uuid(), 1, 1, gen_random_uuid(), sku_id, location_id, 'sellable', '',
            'on_hand', 1, 2, -1, true, 'open', now(), now()
        FROM inventory.stock LIMIT 1 RETURNING document_id
    """,
    "a location keeps back for silence what the most silent of its feeds says": """
        INSERT INTO inventory.silence SELECT id, 2500, now() FROM locations.location LIMIT 1 RETURNING location_id
    """,
    "of each payment no more is captured or released than authorised, and no more refunded than captured": deleted(
        "payments.entry",
        where="kind = 'authorise' AND payment_id IN (SELECT payment_id FROM payments.entry WHERE kind = 'capture')",
        named="payment_id",
    ),
    "every settled instruction has the entry it led to, of its amount": changed(
        "payments.instruction", "status = 'pending'", where="status = 'done' AND kind = 'capture'"
    ),
    "every entry of a payment is of its order and currency": changed(
        "payments.entry", "currency = 'USD'", where="payment_id IS NOT NULL"
    ),
    "an order's money is of one currency": changed(
        "payments.entry",
        "currency = 'USD'",
        where="order_id IN (SELECT order_id FROM payments.entry GROUP BY order_id HAVING count(*) > 1)",
        named="order_id",
    ),
    "no payment is authorised beyond its amount, but by what a late capture restored": changed(
        "payments.payment", "amount_minor = 1", where="id IN (SELECT payment_id FROM payments.entry)"
    ),
    "the parts of a request add up to no more than was asked": changed(
        "payments.request", "amount_minor = 1", where="kind = 'refund'"
    ),
    "what is held is watched until it is released, unless its capture is under way": changed(
        "payments.payment", "watch_at = NULL", where="watch_at IS NOT NULL"
    ),
    "the test provider's books say what ours say, wherever it is asked for nothing": changed(
        "payments_test_provider.charge", "captured_minor = captured_minor + 1"
    ),
    "a parcel's status is the highest among what we did and what its carrier reported": changed(
        "shipping.parcel", "status = 'lost'"
    ),
    "a parcel was delivered when its carrier first said so": changed(
        "shipping.parcel", "delivered_at = delivered_at + interval '1 hour'", where="delivered_at IS NOT NULL"
    ),
    "a carrier has one parcel for each tracking number": changed(
        "shipping.parcel",
        "tracking_number = (SELECT max(tracking_number) FROM shipping.parcel)",
        where="tracking_number < (SELECT max(tracking_number) FROM shipping.parcel)",
        named="tracking_number",
    ),
    "every SSCC ends in its check digit": changed(
        "shipping.parcel", "sscc = left(sscc, 17) || (cast(right(sscc, 1) AS integer) + 1) % 10", where="sscc <> ''"
    ),
    "no scan waits for a parcel that is known": """
        INSERT INTO shipping.unmatched_scan
        SELECT c.code, p.tracking_number, s.happened_at, s.raw_code, s.place, 0, s.received_at, s.created_at
        FROM shipping.parcel p
        JOIN shipping.carrier c ON c.id = p.carrier_id
        JOIN shipping.scan s ON s.parcel_id = p.id LIMIT 1
        RETURNING tracking_number
    """,
    "a published strategy says what it said when it was published": """
        INSERT INTO sourcing.strategy_version (
            id, code, number, status, owner, priority, document, digest, created_at, created_by, published_at,
            published_by
        )
        VALUES (
            gen_random_uuid(), 'changed', 1, 'published', 'x', 1, '{}', 'another', now(), 'x', now(), 'x')
        RETURNING id
    """,
    "every planned unit has a decision": deleted("sourcing.decision", where="outcome = 'planned'", named="line_id"),
    "a location's load is what is held and confirmed of its capacity": """
        INSERT INTO sourcing.load (location_id, begins_at, per, method, orders, lines, units, packages)
        SELECT location_id, '2026-03-02', 'day', 'ship', 3, 3, 3, 3 FROM sourcing.assignment LIMIT 1
        RETURNING location_id
    """,
    "what is held and confirmed of a location's capacity is what stands of its plans": """
        WITH more AS (
            INSERT INTO sourcing.capacity_hold (order_id, location_id, attempt, method, day_at, hour_at, orders,
                lines, units, packages, is_over, status, held_at)
            SELECT order_id, location_id, 77, 'ship', '2026-03-03', '2026-03-03', 1, 1, 1, 1, false, 'confirmed',
                planned_at
            FROM sourcing.assignment LIMIT 1 RETURNING order_id, location_id
        ), counted AS (
            INSERT INTO sourcing.load (location_id, begins_at, per, method, orders, lines, units, packages)
            SELECT location_id, '2026-03-03', per, 'ship', 1, 1, 1, 1 FROM more, (VALUES ('day'), ('hour')) AS of_ (per)
        )
        SELECT order_id FROM more
    """,
    "no slot is confirmed to more than it takes": """
        WITH full_slot AS (
            INSERT INTO sourcing.slot (
                id, method, country, postal_prefixes, from_at, until_at, time_zone, capacity, overbooking_bp,
                price_minor, currency, lead_minutes, is_open, is_own, created_at, updated_at)
            SELECT gen_random_uuid(), 'ship', 'ES', '[""]', placed_at, placed_at + interval '1 hour', 'UTC', 0, 0,
                0, 'EUR', 0, true, true, placed_at, placed_at
            FROM ordering."order" LIMIT 1 RETURNING id, from_at
        )
        INSERT INTO sourcing.slot_hold (holder_id, slot_id, status, price_minor, currency, held_at, actor)
        SELECT gen_random_uuid(), id, 'confirmed', 0, 'EUR', from_at, 'guest' FROM full_slot RETURNING slot_id
    """,
    "no receipt is promised beyond the units that it still brings": EXPECTED
    + """
        INSERT INTO inventory.peg (line_id, sku_id, expected_id, units)
        SELECT gen_random_uuid(), sku_id, id, 2 FROM coming RETURNING expected_id
    """,
    "no line is pegged to more units than it waits for": EXPECTED
    + """
        INSERT INTO inventory.peg (line_id, sku_id, expected_id, units)
        SELECT gen_random_uuid(), sku_id, id, 1 FROM coming RETURNING line_id
    """,
    "every expected receipt has received what its documents say": EXPECTED + "SELECT id FROM coming",
    "what is used of every limit is what waits under it": """
        INSERT INTO inventory.backorder_limit (sku_id, channel_id, units, used, updated_at)
        SELECT l.sku_id, o.channel_id, 9, 2, o.placed_at
        FROM ordering.line l JOIN ordering."order" o ON o.id = l.order_id LIMIT 1 RETURNING sku_id
    """,
    "what a line's units ahead of stock wait for, or hold already, is what its buckets say": """
        INSERT INTO inventory.waiting (
            line_id, sku_id, order_id, channel_id, location_id, kind, asked, units, per_unit, serves_whole, only_there,
            priority, ordered_at, looked_at)
        SELECT l.id, l.sku_id, o.id, o.channel_id, s.location_id, 'backorder', 3, 3, 1, false, false,
            5, o.placed_at, o.placed_at
        FROM ordering.line l JOIN ordering."order" o ON o.id = l.order_id JOIN inventory.stock s ON s.sku_id = l.sku_id
        LIMIT 1 RETURNING line_id
    """,
    "the buckets of every line are its first bucket plus its unit moves": changed(
        "ordering.line", "delivered = delivered + 1"
    ),
    "every order is of a channel, and every line of a SKU, that is there": changed(
        "ordering.line", "sku_id = gen_random_uuid()"
    ),
    "the units returned of every line are its unit returns": deleted("ordering.unit_return", named="line_id"),
    "every order is worth its lines and its shipping": changed(
        'ordering."order"', "shipping_minor = shipping_minor + 1"
    ),
    (
        "a completed order has every unit with the customer or cancelled, a cancelled one has every unit cancelled"
    ): changed('ordering."order"', "status = 'completed'", where="status = 'in_progress'"),
    "what a line's unshipped tracked units claim of the stock is what its buckets say": changed(
        "inventory.reservation", "held = held - 1", where="kind = 'hard' AND status = 'held'", named="line_id"
    ),
    "what is sent instead of what a line says is what the line takes from stock": """
        INSERT INTO ordering.substitution (id, order_id, line_id, instead_of_id, sku_id, sku_code, quantity, price_rule,
            amount_minor, consented_by, reason, actor, substituted_at)
        SELECT id, order_id, id, sku_id, id, 'another', 1, 'as_ordered', 0, '', '', 'staff:ana', '2026-03-02'
        FROM ordering.line WHERE is_tracked LIMIT 1 RETURNING line_id
        """,
    "a line goes another way than its order only where its customer chose it": changed("ordering.line", "route = '{}'"),
    "the units of every order line that locations have are those of its fulfillment orders": deleted(
        "fulfillment.fulfillment_line", named="line_id"
    ),
    "what was packed, handed over, delivered and taken back of every line is what its packages hold": changed(
        "fulfillment.fulfillment_line", "packed = packed + 1", named="line_id"
    ),
    "every package of a shipment is a parcel with the same contents": changed(
        "shipping.content", "quantity = quantity + 1", named="parcel_id"
    ),
    "a location that is asked to cancel has a cancellation to answer, and one that is not has none": changed(
        "fulfillment.fulfillment_order", "status = 'cancel_requested'", where="status = 'offered'"
    ),
    "the units returned of every order line are those its returns counted, and never more than were delivered": changed(
        "returns.return_line", "counted = counted - 1", where="counted > 0", named="order_line_id"
    ),
    "the units received of every return line are those of its receipts": changed(
        "returns.return_line", "received = received + 1"
    ),
    "no return line has more units graded than received": changed(
        "returns.grading", "quantity = quantity + 5", named="line_id"
    ),
    "every refund is its lines plus shipping minus its fee, and every return line has the refunds told of it": changed(
        "returns.refund", "amount_minor = amount_minor + 1"
    ),
    "no order line is refunded more than was paid for its units that are not cancelled": changed(
        "returns.return_line", "refund_minor = 1000000", named="order_line_id"
    ),
    "a lane of webhooks is due exactly if it has a delivery to send": """
        INSERT INTO webhooks.lane (endpoint_id, stream, due_at)
        SELECT stream, stream, happened_at FROM plumbing.event LIMIT 1 RETURNING stream
        """,
    "every try of a webhook is in its log": """
        INSERT INTO webhooks.delivery (id, endpoint_id, epoch, xid, fact_id, stream, type, status, tries, attempts,
            created_at, ended_at, last_problem)
        SELECT stream, stream, epoch, xid, id, stream, type, 'delivered', 1, 1, happened_at, happened_at, ''
        FROM plumbing.event LIMIT 1 RETURNING id
        """,
    "what a purchase order's line is invoiced for is the sum of the invoices that are to be paid": f"""
        WITH {BOUGHT}
        INSERT INTO purchasing.purchase_line (id, purchase_id, position, line_id, sku_id, ordered, quantity, shipped,
            invoiced)
        SELECT bought.id, bought.id, 0, l.line_id, l.sku_id, 1, 1, 1, 1
        FROM bought JOIN fulfillment.fulfillment_line l ON l.fulfillment_order_id = bought.id LIMIT 1
        RETURNING purchase_id
    """,
    "a purchase order came to its status by the last of its steps": f"""
        WITH {BOUGHT} SELECT id FROM bought
    """,
    "only a draft in shadow has orders to plan": f"""
        WITH {SHADOW}, ended AS (INSERT INTO rehearsal.shadow SELECT * FROM shadow RETURNING id)
        INSERT INTO rehearsal.shadow_pending (shadow_id, order_id, at)
        SELECT ended.id, o.id, o.placed_at FROM ended, ordering."order" o LIMIT 1 RETURNING order_id
    """,
    "what a draft in shadow would change was planned with it": f"""
        WITH {SHADOW}, ended AS (INSERT INTO rehearsal.shadow SELECT * FROM shadow RETURNING id)
        INSERT INTO rehearsal.shadow_difference (shadow_id, order_id, at, record)
        SELECT ended.id, o.id, o.placed_at, '{{}}' FROM ended, ordering."order" o LIMIT 1 RETURNING shadow_id
    """,
}
"""For each law: a statement that breaks it in one row, and returns what names that row."""


def test_for_every_law_there_is_a_damage() -> None:
    assert set(DAMAGES) == {law.name for law in LAWS}
    assert len({law.name for law in LAWS}) == len(LAWS)


def test_a_day_that_was_played_is_sound(played: str) -> None:
    result = batuta(played, "audit")

    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"{len(LAWS)} laws: all hold"


def test_the_demo_company_is_sound(server_url: str, worker_id: str) -> None:
    async def make() -> str:
        url = await migrated_database(server_url, f"demo_{worker_id}_{fresh_code('at')}")
        async with engine_on(url) as engine:
            await load_demo(engine, now=NOW)
        return url

    result = batuta(asyncio.run(make()), "audit", "--json")

    assert result.exit_code == 0
    assert (told(result)["is_sound"], told(result)["laws"], told(result)["broken"]) == (True, len(LAWS), 0)


@pytest.mark.parametrize("law", DAMAGES)
def test_a_damaged_row_breaks_the_law_and_is_named(law: str, unguarded: str, copy: Callable[[str], str]) -> None:
    url = copy(unguarded)
    ((name,),) = asyncio.run(write(url, DAMAGES[law]))

    result = batuta(url, "audit", "--json")

    assert result.exit_code == 1
    (verdict,) = [one for one in told(result)["verdicts"] if one["law"] == law]
    assert verdict["broken"] > 0
    assert str(name) in {str(value) for row in verdict["rows"] for value in row.values()}


def test_what_is_broken_is_told_to_people_with_its_rows(unguarded: str, copy: Callable[[str], str]) -> None:
    url = copy(unguarded)
    ((sku_id,),) = asyncio.run(write(url, DAMAGES["every stock row is the sum of its movements"]))

    result = batuta(url, "audit")

    assert result.exit_code == 1
    assert "broken  every stock row is the sum of its movements: 1 row\n" in result.output
    assert f"sku_id={sku_id}" in result.output
    assert result.output.endswith("laws: 1 broken\n")


def test_a_database_that_was_never_migrated_is_told(server_url: str) -> None:
    result = batuta(server_url, "audit")

    assert isinstance(result.exception, OlderDatabase)
    assert result.exception.facts["command"] == "batuta migrate"
