"""What the log knows of an order, as sentences, the newest first, by days."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from batuta.plumbing.events import Fact
from batuta.web.catalogue import Speech
from batuta.web.pills import BAD, BUSY, GOOD, OVER, WAITING

_TONES = {
    GOOD: {"ordering.order_completed", "fulfillment.delivered", "fulfillment.collected", "payments.payment_captured"},
    BAD: {
        "payments.payment_declined",
        "payments.capture_failed",
        "payments.refund_failed",
        "payments.authorisation_expired",
        "sourcing.lines_unfillable",
        "fulfillment.rejected",
        "fulfillment.short",
        "fulfillment.offer_escalated",
        "fulfillment.offer_expired",
        "fulfillment.work_failed",
        "fulfillment.written_off",
        "shipping.parcel_exception",
        "shipping.parcel_lost",
        "notifications.message_failed",
    },
    WAITING: {
        "ordering.hold_placed",
        "sourcing.order_parked",
        "ordering.cancellation_asked",
        "ordering.cancelled_too_late",
        "fulfillment.cancellation_requested",
        "fulfillment.cancel_refused",
        "fulfillment.cancel_too_late",
        "fulfillment.proof_sent",
        "fulfillment.proof_changes_asked",
    },
    BUSY: {"ordering.order_placed", "ordering.order_accepted", "fulfillment.handed_over"},
}
RECENT = 25
"""Facts shown at once; the earlier ones are folded away."""
_SEEN_ELSEWHERE = {"fulfillment.delivered": "shipping.parcel_delivered"}


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What the ids of facts are called. people: by e-mail. lines, locations, parcels, methods: by id as text."""

    currency: str
    customer: str
    people: Mapping[str, str]
    lines: Mapping[str, str]
    locations: Mapping[str, str]
    parcels: Mapping[str, str]
    methods: Mapping[str, str]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One fact."""

    time: str
    iso: str
    title: str
    below: str
    actor: str
    tone: str


class Day(msgspec.Struct, frozen=True):
    """The facts of one day."""

    word: str
    entries: Sequence[Entry]


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, the newest first."""

    recent: Sequence[Day]
    earlier: Sequence[Day]
    earlier_words: str


def story(facts: Sequence[Fact], named: Named, speech: Speech) -> Story:
    """The facts of an order by days, newest first; what says the same twice at one moment is said once."""
    told = [one for one in facts if not _is_repeated(one, facts)]
    ordered = sorted(told, key=lambda one: (one.happened_at, one.position), reverse=True)
    recent, earlier = ordered[:RECENT], ordered[RECENT:]
    return Story(
        recent=_by_days(recent, named, speech),
        earlier=_by_days(earlier, named, speech),
        earlier_words=speech.count("order.earlier", len(earlier)),
    )


def _by_days(facts: Sequence[Fact], named: Named, speech: Speech) -> list[Day]:
    days = groupby(facts, key=lambda one: speech.local(one.happened_at).date())
    return [Day(speech.day(day), [_entry(one, named, speech) for one in entries]) for day, entries in days]


def actor_in_words(actor: str, named: Named, speech: Speech) -> str:
    """Who did it: people and customers by name, parts of batuta as batuta."""
    kind, _, name = actor.partition(":")
    if kind == "staff":
        return named.people.get(name, name)
    if kind == "customer" and named.customer:
        return named.customer
    key = f"actor.{kind}"
    return speech(key, name=name) if speech.knows(key) else actor


def people_in(actors: Collection[str]) -> set[str]:
    """The e-mails of the staff among actors."""
    return {name for kind, _, name in (one.partition(":") for one in actors) if kind == "staff"}


def reason_in_words(reason: str, speech: Speech) -> str:
    """Reasons that batuta or a provider wrote are translated; those of people stay as they were written."""
    key = f"reason.{reason}"
    if speech.knows(key):
        return speech(key)
    head, colon, rest = reason.partition(": ")
    return f"{head}: {speech(f'reason.{rest}')}" if colon and speech.knows(f"reason.{rest}") else reason


def queue_in_words(queue: str, speech: Speech) -> str:
    """The queues that batuta fills have names; one of the merchant's own is called as they call it."""
    key = f"queue.{queue}"
    return speech(key) if speech.knows(key) else queue


def _is_repeated(one: Fact, facts: Sequence[Fact]) -> bool:
    """A parcel's arrival is told by its carrier and by the location's work; the carrier's is enough."""
    twin = _SEEN_ELSEWHERE.get(one.name)
    return twin is not None and any(
        other.name == twin and other.data.get("parcel_id") == one.data.get("parcel_id") for other in facts
    )


def _entry(one: Fact, named: Named, speech: Speech) -> Entry:
    key = f"told.{one.name}"
    if speech.knows(f"{key}.title"):
        words = _words(one.data, named, speech)
        title, below = speech(f"{key}.title", **words), speech(f"{key}.below", **words)
    else:
        # A room may tell what this page has no words for yet; it is shown by its name and not kept back.
        title, below = one.name.partition(".")[2].replace("_", " ").capitalize(), ""
    return Entry(
        time=speech.time(one.happened_at),
        iso=one.happened_at.isoformat(),
        title=title.strip(": "),
        below=" · ".join(part for part in below.split(" · ") if part),
        actor=actor_in_words(one.actor, named, speech),
        tone=next((tone for tone, names in _TONES.items() if one.name in names), OVER),
    )


def _words(told: Mapping[str, Any], named: Named, speech: Speech) -> dict[str, str]:
    """Everything that a sentence may name; what a fact does not have is empty."""
    currency = told.get("currency") or named.currency
    amounts = {
        word: speech.money(told[field], currency)
        for word, field in (("amount", "amount_minor"), ("amount", "gross_minor"), ("cost", "cost_minor"))
        if isinstance(told.get(field), int)
    }
    places = [named.locations.get(one["location_id"], "") for one in told.get("assignments", ())]
    parcels = [told["parcel_id"]] if told.get("parcel_id") else told.get("parcel_ids", ())
    method = told.get("method") or named.methods.get(told.get("payment_id") or "", "")
    return {
        "amount": "",
        "cost": "",
        **amounts,
        "units": _units(told, named, speech),
        "places": ", ".join(dict.fromkeys(filter(None, places))),
        "location": named.locations.get(told.get("location_id") or "", ""),
        "parcel": ", ".join(filter(None, (named.parcels.get(one, "") for one in parcels))),
        "reason": reason_in_words(str(told.get("reason") or ""), speech),
        "hold": speech.of("hold", str(told.get("kind") or "")),
        "way": speech.of("reroute", str(told.get("kind") or "")),
        "asked": speech.of("asked", str(told.get("kind") or "")),
        "method": speech.of("method", str(method)) if method else "",
        "detail": speech.of("detail", str(told.get("code") or "")),
        "template": speech.of("template", str(told.get("template") or "")),
        "name": str(told.get("name") or ""),
        "queue": queue_in_words(str(told.get("queue") or ""), speech),
        "note": str(told.get("note") or ""),
        "grade": str(told.get("grade") or ""),
        "tracking": str(told.get("tracking_number") or ""),
    }


def _units(told: Mapping[str, Any], named: Named, speech: Speech) -> str:
    counted = [
        speech("order.times", count=speech.number(one["quantity"]), name=name)
        for one in told.get("lines", ())
        if (name := named.lines.get(one.get("line_id") or one.get("order_line_id") or ""))
    ]
    whole = [named.lines[id_] for id_ in told.get("line_ids", ()) if id_ in named.lines]
    return ", ".join(counted or whole)


def places_in(facts: Sequence[Fact]) -> set[UUID]:
    """The locations that facts speak of."""
    found: set[UUID] = set()
    for one in facts:
        places = [one.data.get("location_id"), *(each.get("location_id") for each in one.data.get("assignments", ()))]
        found |= {UUID(place) for place in places if place}
    return found
