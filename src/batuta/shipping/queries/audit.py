"""The laws of the room, as SELECTs that must find nothing."""

from collections.abc import Iterable

from batuta.plumbing.audit import Law
from batuta.shipping.domain import MEANINGS, MOVING, PRECEDENCE


def _values(rows: Iterable[tuple[object, ...]]) -> str:
    return ", ".join(f"({', '.join(_literal(value) for value in row)})" for row in rows)


def _literal(value: object) -> str:
    return str(value) if type(value) is int else f"'{value}'"


def _words(words: Iterable[str]) -> str:
    return ", ".join(_literal(word) for word in sorted(words))


# Told a second time in SQL, so that a mistake in the function `outlook` shows too.
_SEEN = f"""
    turned AS (SELECT parcel_id, min(happened_at) AS at FROM shipping.scan WHERE status = 'returning' GROUP BY 1),
    meaning (reported, status) AS (VALUES {_values(MEANINGS.items())}),
    seen AS (
        SELECT s.parcel_id, s.happened_at,
               CASE WHEN s.status = 'delivered' AND s.happened_at > t.at THEN 'returned' ELSE m.status END AS status
        FROM shipping.scan s JOIN meaning m ON m.reported = s.status
        LEFT JOIN turned t ON t.parcel_id = s.parcel_id
    )
"""

AUDIT: tuple[Law, ...] = (
    Law(
        "a parcel's status is the highest among what we did and what its carrier reported",
        f"""
        WITH {_SEEN},
        precedence (status, rank) AS (VALUES {_values(PRECEDENCE.items())}),
        trouble AS (
            SELECT parcel_id,
                   max(happened_at) FILTER (WHERE status = 'exception') AS wrong_at,
                   max(happened_at) FILTER (WHERE status IN ({_words(MOVING)})) AS moved_at
            FROM seen GROUP BY 1
        ),
        standing AS (
            SELECT id AS parcel_id, our_status AS status FROM shipping.parcel
            UNION ALL
            SELECT s.parcel_id, s.status FROM seen s JOIN trouble t ON t.parcel_id = s.parcel_id
            WHERE s.status <> 'exception' OR NOT coalesce(t.moved_at > t.wrong_at, false)
        ),
        highest AS (
            SELECT DISTINCT ON (s.parcel_id) s.parcel_id, s.status
            FROM standing s JOIN precedence p ON p.status = s.status
            ORDER BY s.parcel_id, p.rank DESC
        )
        SELECT p.id, p.tracking_number, p.status, h.status AS expected
        FROM shipping.parcel p JOIN highest h ON h.parcel_id = p.id
        WHERE p.status <> h.status
        """,
    ),
    Law(
        "a parcel was delivered when its carrier first said so",
        f"""
        WITH {_SEEN},
        delivered AS (SELECT parcel_id, min(happened_at) AS at FROM seen WHERE status = 'delivered' GROUP BY 1)
        SELECT p.id, p.tracking_number, p.delivered_at, d.at AS expected
        FROM shipping.parcel p LEFT JOIN delivered d ON d.parcel_id = p.id
        WHERE p.delivered_at IS DISTINCT FROM d.at
        """,
    ),
    Law(
        "a carrier has one parcel for each tracking number",
        """
        SELECT carrier_id, tracking_number, count(*) AS parcels FROM shipping.parcel
        WHERE tracking_number IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1
        """,
    ),
    Law(
        "every SSCC ends in its check digit",
        """
        SELECT p.id, p.sscc FROM shipping.parcel p
        CROSS JOIN LATERAL (
            SELECT sum(cast(substr(p.sscc, place, 1) AS integer) * (1 + 2 * (place % 2))) AS weighed
            FROM generate_series(1, 17) AS place
        ) AS digits
        WHERE p.sscc IS NOT NULL AND (10 - digits.weighed % 10) % 10 <> cast(right(p.sscc, 1) AS integer)
        """,
    ),
    Law(
        "no scan waits for a parcel that is known",
        """
        SELECT u.carrier_code, u.tracking_number, u.raw_code, u.happened_at, p.id AS parcel_id
        FROM shipping.unmatched_scan u
        JOIN shipping.carrier c ON c.code = u.carrier_code
        JOIN shipping.parcel p ON p.carrier_id = c.id AND p.tracking_number = u.tracking_number
        """,
    ),
)
