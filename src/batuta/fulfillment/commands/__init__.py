"""What can be done with fulfillment orders."""

from batuta.fulfillment.commands.cancelling import agree_to_cancel, refuse_to_cancel, request_cancellations
from batuta.fulfillment.commands.dispatching import dispatch
from batuta.fulfillment.commands.learning import learn_processing
from batuta.fulfillment.commands.leaving import (
    collect,
    confirm_delivery,
    expire_pickups,
    extend_pickups,
    hand_over,
    hand_over_parcels,
    ready_for_pickup,
    take_back,
    write_off,
)
from batuta.fulfillment.commands.making import (
    answer_proofs,
    fail_work,
    finish_work,
    send_proofs,
    sign_steps,
    start_work,
)
from batuta.fulfillment.commands.offering import (
    PullOffers,
    UnknownLocation,
    accept,
    escalate_offers,
    expire_offers,
    offer,
    pull_offers,
    reject,
)
from batuta.fulfillment.commands.working import pack, pick, report_short, start_picking

__all__ = [
    "PullOffers",
    "UnknownLocation",
    "accept",
    "agree_to_cancel",
    "answer_proofs",
    "collect",
    "confirm_delivery",
    "dispatch",
    "escalate_offers",
    "expire_offers",
    "expire_pickups",
    "extend_pickups",
    "fail_work",
    "finish_work",
    "hand_over",
    "hand_over_parcels",
    "learn_processing",
    "offer",
    "pack",
    "pick",
    "pull_offers",
    "ready_for_pickup",
    "refuse_to_cancel",
    "reject",
    "report_short",
    "request_cancellations",
    "send_proofs",
    "sign_steps",
    "start_picking",
    "start_work",
    "take_back",
    "write_off",
]
