"""How late a shipment is expected to be, of what is known of its dates."""

from datetime import datetime
from zoneinfo import ZoneInfo

NEVER_TENTHS = 300
"""What is not known to arrive at all counts as a month late."""

_SHARES_TENTHS = (3, 4, 3)
"""Swanson's rule: the mean of a skewed quantity is near 0.3 P10 + 0.4 P50 + 0.3 P90."""


def expected_late_tenths(promised_at: datetime, dates: tuple[datetime, datetime, datetime], zone: ZoneInfo) -> int:
    """By how many tenths of a day it comes after the promised day, in days of the zone. dates: P10, P50 and P90."""
    promised = promised_at.astimezone(zone).date()
    late = [max(0, (at.astimezone(zone).date() - promised).days) for at in dates]
    return min(NEVER_TENTHS, sum(share * days for share, days in zip(_SHARES_TENTHS, late, strict=True)))
