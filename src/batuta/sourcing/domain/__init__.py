"""Requests, rules, the search, decisions and their sentences; pure."""

from batuta.sourcing.domain.candidates import Candidate, Choice, Costs, Demand, Lane, Shipment, Terms
from batuta.sourcing.domain.dates import LimitingStep
from batuta.sourcing.domain.dealing import Moved
from batuta.sourcing.domain.decisions import Considered, Decision, Outcome, Source, Verdict
from batuta.sourcing.domain.known import Good, Known, Shelf
from batuta.sourcing.domain.planning import Draft, Sketch, decide_all, parts_of, sketch
from batuta.sourcing.domain.promises import Promised, PromisedLine, PromisedShipment, PromiseTerms
from batuta.sourcing.domain.requests import (
    Assignment,
    Method,
    Plan,
    Rejection,
    SourcingLine,
    SourcingRequest,
    Unfillable,
    Withdrawal,
)
from batuta.sourcing.domain.search import choose
from batuta.sourcing.domain.sentences import explain
from batuta.sourcing.domain.sites import Rule, Site

__all__ = [
    "Assignment",
    "Candidate",
    "Choice",
    "Considered",
    "Costs",
    "Decision",
    "Demand",
    "Draft",
    "Good",
    "Known",
    "Lane",
    "LimitingStep",
    "Method",
    "Moved",
    "Outcome",
    "Plan",
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
    "Source",
    "SourcingLine",
    "SourcingRequest",
    "Terms",
    "Unfillable",
    "Verdict",
    "Withdrawal",
    "choose",
    "decide_all",
    "explain",
    "parts_of",
    "sketch",
]
