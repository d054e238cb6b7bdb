"""Recorded orders, drift, and reports; pure."""

from batuta.rehearsal.domain.drafts import draft_of
from batuta.rehearsal.domain.drifting import Drift, pushed
from batuta.rehearsal.domain.recorded import BadPeriod, Recorded, Replayed
from batuta.rehearsal.domain.reporting import Changed, Comparison, Figures, Load, Rehearsal, report

__all__ = [
    "BadPeriod",
    "Changed",
    "Comparison",
    "Drift",
    "Figures",
    "Load",
    "Recorded",
    "Rehearsal",
    "Replayed",
    "draft_of",
    "pushed",
    "report",
]
