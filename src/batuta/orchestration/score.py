"""What follows what, from the placed order to the closed one. Read from top to bottom: it is the business.

Each name on the right is a few lines in `orchestration.commands` that call commands of the rooms below.
"""

from collections.abc import Mapping, Sequence

from batuta.fulfillment import events as fulfillment
from batuta.inventory import events as inventory
from batuta.kernel.events import Event
from batuta.orchestration.commands.buying import follow_supplier, order_from_supplier
from batuta.orchestration.commands.fulfilling import (
    ask_locations_to_stop,
    confirm_delivery,
    follow_parcel,
    pull_shared_offers,
    render_services,
    render_services_alone,
    settle_services,
    take_back_parcel,
)
from batuta.orchestration.commands.parking import leave_queue, retry_substituted
from batuta.orchestration.commands.paying import (
    accept_paid,
    capture_what_is_owed,
    capture_what_left,
    give_back_adjusted,
    give_back_overpaid,
    give_back_surplus,
    hold_for_capture,
    hold_for_payment,
    refund_return,
    release_held_money,
    request_authorisation,
)
from batuta.orchestration.commands.promising import promise_anew
from batuta.orchestration.commands.replanning import look_again
from batuta.orchestration.commands.rerouting import ask_where_else
from batuta.orchestration.commands.slots import free_slots
from batuta.orchestration.commands.sourcing import (
    accept_released,
    look_for_unsent,
    plan_and_offer,
    plan_and_offer_again,
    send_what_came,
)
from batuta.orchestration.commands.telling import (
    ask_how_else,
    ask_whether_to_wait,
    tell_cancelled,
    tell_delivered,
    tell_payment_failed,
    tell_placed,
    tell_promise_moved,
    tell_proof_sent,
    tell_ready_for_pickup,
    tell_refunded,
    tell_rerouted,
    tell_return_received,
    tell_shipped,
)
from batuta.orchestration.commands.weighing import charge_by_weight
from batuta.ordering import events as ordering
from batuta.payments import events as payments
from batuta.plumbing.events import Handler, Reaction
from batuta.returns import events as returns
from batuta.shipping import events as shipping
from batuta.sourcing import events as sourcing

SCORE: Mapping[type[Event], Sequence[Handler]] = {
    # An order comes in, and the money for it is asked for.
    ordering.OrderPlaced: (request_authorisation, tell_placed),
    payments.PaymentAuthorised: (accept_paid,),
    payments.PaymentNotNeeded: (accept_paid,),
    payments.PaymentDeclined: (hold_for_payment, tell_payment_failed),
    payments.AuthorisationExpired: (hold_for_payment,),
    ordering.HoldEnded: (accept_released,),
    # Its goods are looked for, and locations are asked to send them.
    ordering.OrderAccepted: (plan_and_offer, render_services_alone),
    fulfillment.Offered: (order_from_supplier, look_again),
    fulfillment.Accepted: (follow_supplier,),
    fulfillment.Rejected: (plan_and_offer_again, pull_shared_offers, follow_supplier),
    fulfillment.OfferExpired: (plan_and_offer_again, follow_supplier),
    fulfillment.Short: (plan_and_offer_again, follow_supplier),
    # A store cannot have it ready: its customer is asked how else they want it, and has it that way.
    sourcing.OrderParked: (ask_where_else,),
    ordering.RerouteAsked: (ask_how_else,),
    ordering.LinesRerouted: (tell_rerouted,),
    # What was not there comes, to its location or its store, and those who wait for it get it; or it does not, or at
    # another time, and they are told.
    inventory.SupplyServed: (send_what_came,),
    inventory.TransferFellShort: (look_for_unsent,),
    inventory.PromiseMoved: (promise_anew, tell_promise_moved),
    ordering.WaitAsked: (ask_whether_to_wait,),
    # What is made to order is shown to its buyer first.
    fulfillment.ProofSent: (tell_proof_sent,),
    # They leave, and what left is paid; what is charged by weight, by that.
    fulfillment.Weighed: (charge_by_weight,),
    fulfillment.HandedOver: (capture_what_left, render_services, tell_shipped, follow_supplier),
    fulfillment.ReadyForPickup: (tell_ready_for_pickup,),
    fulfillment.Collected: (capture_what_left, render_services),
    payments.PaymentCaptured: (give_back_overpaid,),
    payments.CaptureFailed: (hold_for_capture,),
    # They arrive, or do not.
    shipping.ParcelTakenUnannounced: (follow_parcel,),
    shipping.ParcelDelivered: (confirm_delivery,),
    shipping.ParcelReturned: (take_back_parcel,),
    fulfillment.Delivered: (tell_delivered, follow_supplier),
    fulfillment.TakenBack: (follow_supplier,),
    fulfillment.WrittenOff: (follow_supplier,),
    ordering.OrderCompleted: (capture_what_is_owed, release_held_money),
    # Somebody changes their mind, or is sent something else.
    ordering.LineSubstituted: (retry_substituted, plan_and_offer_again),
    ordering.OrderAdjusted: (give_back_adjusted,),
    ordering.CancellationAsked: (ask_locations_to_stop,),
    fulfillment.Cancelled: (follow_supplier,),
    ordering.UnitsCancelled: (give_back_surplus, settle_services, tell_cancelled),
    ordering.OrderCancelled: (release_held_money, free_slots, leave_queue),
    ordering.OrderExpired: (release_held_money, free_slots),
    # Something comes back.
    returns.Received: (tell_return_received,),
    returns.RefundDue: (refund_return,),
    payments.PaymentRefunded: (tell_refunded,),
}


AT_ONCE: frozenset[type[Event]] = frozenset(
    {ordering.OrderAccepted, fulfillment.Offered, fulfillment.Delivered, ordering.OrderCompleted}
)
"""Followed in the transaction that tells them. Whoever tells them holds their order's lock, and what follows takes none
of another order, so that locks are still taken in one direction."""


def score() -> Reaction:
    """The reaction that plays the score."""
    return Reaction("score", SCORE, at_once=AT_ONCE)
