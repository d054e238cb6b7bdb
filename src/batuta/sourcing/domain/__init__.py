"""Requests, rules, the search, decisions and their sentences; pure."""

from batuta.sourcing.domain.dealing import Moved
from batuta.sourcing.domain.decisions import Considered, Decision, Outcome, Source, Verdict
from batuta.sourcing.domain.demands import parts_of
from batuta.sourcing.domain.known import Good, Known, Shelf
from batuta.sourcing.domain.parking import EXCEPTIONS, UNFILLABLE, Park, Parking, PromiseEffect, UnknownParking
from batuta.sourcing.domain.planning import Draft, decide_all
from batuta.sourcing.domain.promises.dates import LimitingStep
from batuta.sourcing.domain.promises.promising import Promised, PromisedLine, PromisedShipment, PromiseTerms
from batuta.sourcing.domain.requests import (
    About,
    Assignment,
    GivenBack,
    Method,
    Override,
    Plan,
    Rejection,
    SourcingLine,
    SourcingRequest,
    Unfillable,
    Withdrawal,
)
from batuta.sourcing.domain.search.candidates import Candidate, Choice, Costs, Demand, Lane, Shipment, Terms
from batuta.sourcing.domain.search.choosing import choose
from batuta.sourcing.domain.sentences import components_of, explain
from batuta.sourcing.domain.sites import Rule, Site
from batuta.sourcing.domain.sketching import Sketch, sketch, sketch_each
from batuta.sourcing.domain.slots.templates import SlotTemplate, UnknownSlotTemplate
from batuta.sourcing.domain.slots.windows import (
    ConfirmSlot,
    Destination,
    HoldSlot,
    HoldStatus,
    OfferedSlot,
    Slot,
    SlotElsewhere,
    SlotFull,
    SlotHasBookings,
    SlotHold,
    SlotNotOffered,
    UnknownSlot,
    UnknownSlotHold,
)

__all__ = [
    "EXCEPTIONS",
    "UNFILLABLE",
    "About",
    "Assignment",
    "Candidate",
    "Choice",
    "ConfirmSlot",
    "Considered",
    "Costs",
    "Decision",
    "Demand",
    "Destination",
    "Draft",
    "GivenBack",
    "Good",
    "HoldSlot",
    "HoldStatus",
    "Known",
    "Lane",
    "LimitingStep",
    "Method",
    "Moved",
    "OfferedSlot",
    "Outcome",
    "Override",
    "Park",
    "Parking",
    "Plan",
    "PromiseEffect",
    "PromiseTerms",
    "Promised",
    "PromisedLine",
    "PromisedShipment",
    "Rejection",
    "Rule",
    "Shelf",
    "Shipment",
    "Site",
    "Sketch",
    "Slot",
    "SlotElsewhere",
    "SlotFull",
    "SlotHasBookings",
    "SlotHold",
    "SlotNotOffered",
    "SlotTemplate",
    "Source",
    "SourcingLine",
    "SourcingRequest",
    "Terms",
    "Unfillable",
    "UnknownParking",
    "UnknownSlot",
    "UnknownSlotHold",
    "UnknownSlotTemplate",
    "Verdict",
    "Withdrawal",
    "choose",
    "components_of",
    "decide_all",
    "explain",
    "parts_of",
    "sketch",
    "sketch_each",
]
