"""Each law of the room holds of a sound database, and finds the row that breaks it."""

import pytest
from sqlalchemy import text

from batuta.plumbing.audit import examine
from batuta.plumbing.database import Connection
from batuta.shipping.commands import record_tracking
from batuta.shipping.queries import AUDIT
from tests.making import NOW
from tests.shipping.making import given_handed_over, given_labelled, given_service, scans_of_a_life

LIVES = [
    ["accepted"],
    ["accepted", "exception:customs"],
    ["exception:customs", "in_transit"],
    ["accepted", "out_for_delivery", "attempt_failed", "in_transit"],
    ["delivered", "in_transit"],
    ["delivered", "returning"],
    ["in_transit", "returning", "delivered"],
    ["lost", "in_transit"],
    ["cancelled"],
    ["Q7"],
]


async def test_the_laws_hold_of_parcels_of_every_fate(db: Connection) -> None:
    carrier, service = await given_service(db)
    _, numbers = await given_labelled(db, service, len(LIVES))
    scans = [
        scan for number, life in zip(numbers, LIVES, strict=True) for scan in scans_of_a_life(carrier, number, life)
    ]
    await record_tracking(db, scans=scans, now=NOW)

    verdicts = await examine(db, AUDIT)

    assert [(verdict.law, verdict.rows) for verdict in verdicts if verdict.broken] == []


DAMAGES = (
    "UPDATE shipping.parcel SET status = 'lost' WHERE id = :id",
    "UPDATE shipping.parcel SET delivered_at = delivered_at + interval '1 hour' WHERE id = :id",
    """
    UPDATE shipping.parcel p SET tracking_number = given.tracking_number
    FROM shipping.parcel given WHERE given.id = :id AND p.carrier_id = given.carrier_id
    """,
    """
    UPDATE shipping.parcel SET sscc = left(sscc, 17) || (cast(right(sscc, 1) AS integer) + 1) % 10 WHERE id = :id
    """,
    """
    INSERT INTO shipping.unmatched_scan
    SELECT c.code, p.tracking_number, s.happened_at, s.raw_code, s.place, 0, s.received_at, s.created_at
    FROM shipping.parcel p
    JOIN shipping.carrier c ON c.id = p.carrier_id
    JOIN shipping.scan s ON s.parcel_id = p.id
    WHERE p.id = :id
    """,
)


@pytest.mark.parametrize(("law", "damage"), list(enumerate(DAMAGES)))
async def test_a_damaged_row_is_named(db: Connection, law: int, damage: str) -> None:
    carrier, service = await given_service(db)
    parcel, number = await given_handed_over(db, service)
    await given_labelled(db, service)
    await record_tracking(db, scans=scans_of_a_life(carrier, number, ["delivered"]), now=NOW)
    await db.execute(text("ALTER TABLE shipping.parcel DROP CONSTRAINT parcel_carrier_id_tracking_number_key"))

    await db.execute(text(damage), {"id": parcel.id})
    verdicts = await examine(db, AUDIT)

    assert [verdict.law for verdict in verdicts if verdict.broken] == [AUDIT[law].name]
    assert verdicts[law].rows[0].get("id", verdicts[law].rows[0].get("parcel_id", parcel.id)) == parcel.id
