"""Recorded orders, drift, reports, and drafts in shadow; pure."""

from batuta.rehearsal.domain.drafts import draft_of
from batuta.rehearsal.domain.drifting import Drift, pushed
from batuta.rehearsal.domain.recorded import BadPeriod, Recorded, Replayed
from batuta.rehearsal.domain.reporting import Changed, Comparison, Figures, Load, Rehearsal, report
from batuta.rehearsal.domain.shadows import (
    SHADOWS_MAX,
    InShadowAlready,
    NewShadow,
    NoDraft,
    Shadow,
    TooManyShadows,
    UnknownShadow,
    begun,
)

__all__ = [
    "SHADOWS_MAX",
    "BadPeriod",
    "Changed",
    "Comparison",
    "Drift",
    "Figures",
    "InShadowAlready",
    "Load",
    "NewShadow",
    "NoDraft",
    "Recorded",
    "Rehearsal",
    "Replayed",
    "Shadow",
    "TooManyShadows",
    "UnknownShadow",
    "begun",
    "draft_of",
    "pushed",
    "report",
]
