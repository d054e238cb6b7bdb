"""What is known of orders as they were planned, and of drafts in shadow."""

from batuta.rehearsal.queries.facts import Facts, facts_of
from batuta.rehearsal.queries.recorded import recorded_at, recorded_orders
from batuta.rehearsal.queries.shadows import (
    AUDIT,
    LISTENERS,
    Differing,
    Pending,
    ShadowReport,
    last_shadow_of,
    list_differences,
    list_shadows,
    pending_orders,
    report_of,
    shadows_in_force,
    shadows_of,
)

__all__ = [
    "AUDIT",
    "LISTENERS",
    "Differing",
    "Facts",
    "Pending",
    "ShadowReport",
    "facts_of",
    "last_shadow_of",
    "list_differences",
    "list_shadows",
    "pending_orders",
    "recorded_at",
    "recorded_orders",
    "report_of",
    "shadows_in_force",
    "shadows_of",
]
