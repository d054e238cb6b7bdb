"""What may be known of plans and decisions."""

from batuta.sourcing.domain import explain
from batuta.sourcing.queries.capacity import CAPACITY_LAWS, capacities_of, capacity_holds_of, loads_between
from batuta.sourcing.queries.decisions import AUDIT as DECISION_LAWS
from batuta.sourcing.queries.decisions import assignments_of, decisions_of, overridden_among
from batuta.sourcing.queries.facts import goods_of, said_of, sites_of
from batuta.sourcing.queries.glancing import Glance, glance
from batuta.sourcing.queries.history import History, Standing, history_of
from batuta.sourcing.queries.keys import promise_secret
from batuta.sourcing.queries.lanes import LaneRequest, days_at_most, lanes_of
from batuta.sourcing.queries.lateness import late_lanes
from batuta.sourcing.queries.overrides import Overridden, OverriddenFilter, list_overridden
from batuta.sourcing.queries.parking import due_to_cancel, given_back_of, list_parked, parkings_of, rejections_of
from batuta.sourcing.queries.pools import list_pool_runs
from batuta.sourcing.queries.promising import offers
from batuta.sourcing.queries.redating import Planned, promises_of_plans
from batuta.sourcing.queries.slots import (
    SLOT_LAWS,
    SlotFilter,
    TakenSlot,
    list_slot_templates,
    list_slots,
    offered_slots,
    slot_holds_of,
    slot_template_versions,
    slot_templates_by_id,
    slot_versions,
    slots_by_id,
    taken_of,
)
from batuta.sourcing.queries.strategies import (
    STRATEGY_LAWS,
    categories_of,
    places_of_work,
    strategies,
    strategy_versions,
    tried,
    versions_of,
)

AUDIT = (*DECISION_LAWS, *CAPACITY_LAWS, *SLOT_LAWS, *STRATEGY_LAWS)

__all__ = [
    "AUDIT",
    "Glance",
    "History",
    "LaneRequest",
    "Overridden",
    "OverriddenFilter",
    "Planned",
    "SlotFilter",
    "Standing",
    "TakenSlot",
    "assignments_of",
    "capacities_of",
    "capacity_holds_of",
    "categories_of",
    "days_at_most",
    "decisions_of",
    "due_to_cancel",
    "explain",
    "given_back_of",
    "glance",
    "goods_of",
    "history_of",
    "lanes_of",
    "late_lanes",
    "list_overridden",
    "list_parked",
    "list_pool_runs",
    "list_slot_templates",
    "list_slots",
    "loads_between",
    "offered_slots",
    "offers",
    "overridden_among",
    "parkings_of",
    "places_of_work",
    "promise_secret",
    "promises_of_plans",
    "rejections_of",
    "said_of",
    "sites_of",
    "slot_holds_of",
    "slot_template_versions",
    "slot_templates_by_id",
    "slot_versions",
    "slots_by_id",
    "strategies",
    "strategy_versions",
    "taken_of",
    "tried",
    "versions_of",
]
