"""What may be known of plans and decisions."""

from batuta.sourcing.domain import explain
from batuta.sourcing.queries.decisions import AUDIT, assignments_of, decisions_of
from batuta.sourcing.queries.facts import barred_to_all, goods_of, sites_of
from batuta.sourcing.queries.history import History, Standing, history_of, loads_of
from batuta.sourcing.queries.lanes import LaneRequest, lanes_of

__all__ = [
    "AUDIT",
    "History",
    "LaneRequest",
    "Standing",
    "assignments_of",
    "barred_to_all",
    "decisions_of",
    "explain",
    "goods_of",
    "history_of",
    "lanes_of",
    "loads_of",
    "sites_of",
]
