"""Notices, messages, and the words of them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.money import exponent_of
from batuta.kernel.states import move
from batuta.kernel.text import one_line

LANGUAGES = ("en", "es")
FACT_LENGTH_MAX = 500

Fact = str | int | bool | datetime | None


class Medium(StrEnum):
    EMAIL = "email"


class MessageStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    MUTED = "muted"


MESSAGE_MOVES = {
    MessageStatus.QUEUED: {MessageStatus.SENT, MessageStatus.FAILED},
    MessageStatus.SENT: set[MessageStatus](),
    MessageStatus.FAILED: set[MessageStatus](),
    MessageStatus.MUTED: set[MessageStatus](),
}

FACTS: Mapping[str, frozenset[str]] = {
    template: frozenset({"name", "order_number", "shop", *facts})
    for template, facts in {
        "order_placed": ("total_minor", "currency"),
        "payment_failed": ("due_minor", "currency"),
        "order_shipped": ("carrier", "tracking_number"),
        "ready_for_pickup": ("location", "code", "until_at"),
        "delivered": ("delivered_at",),
        "cancelled": ("units",),
        "refunded": ("amount_minor", "currency"),
        "return_received": ("units",),
        "delayed": ("promised_at",),
        "delayed_without_day": (),
        "sooner": ("promised_at",),
        "still_waiting": ("units", "item"),
        "choose_another_way": ("location", "items", "url", "until_at"),
        "rerouted": ("pickup", "address", "delivered_to", "promised_at"),
        "proof": ("units", "item", "proof"),
    }.items()
}
"""The facts that each template needs. Others it may have: `url` (where to look or act), `address` of a pickup,
`time_zone` of the customer, in which days and times are told (UTC without)."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """That something is to be told.

    dedupe_key: the same key is told once. stream: what it is about, mostly the order's id.
    facts: flat; amounts as minor units beside their `currency`, moments as aware datetimes or ISO 8601.
    """

    id: UUID
    template: str
    locale: str
    recipient: str
    stream: UUID
    facts: Mapping[str, Fact]
    dedupe_key: str
    medium: Medium = Medium.EMAIL
    is_muted: bool = False


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What was told, word for word; a muted one has no words. problem: why it failed."""

    id: UUID
    template: str
    locale: str
    medium: Medium
    recipient: str
    subject: str
    body: str
    status: MessageStatus
    dedupe_key: str
    stream: UUID
    created_at: datetime
    sent_at: datetime | None = None
    problem: str = ""


class Words(msgspec.Struct, frozen=True):
    subject: str
    body: str


class UnknownTemplate(Invalid):
    """There is no such template; the facts name those there are."""


class MissingFacts(Invalid):
    """The template needs facts that were not given."""


class BadFact(Invalid):
    """A fact is not what the template takes it for."""


class Sending(msgspec.Struct, frozen=True):
    """What became of an attempt. is_over: nothing will be tried again; problem: why it was not taken."""

    is_over: bool
    problem: str = ""


class MessageIdTaken(Refused):
    """The id belongs to a message of another dedupe key."""


def render(template: str, *, locale: str, facts: Mapping[str, Fact]) -> Words:
    """Fill the template's words in the customer's language (English where we do not speak it).

    Raises:
        UnknownTemplate, MissingFacts, BadFact
    """
    check_template(template)
    missing = FACTS[template] - facts.keys()
    if missing:
        raise MissingFacts("the template needs more facts", template=template, missing=sorted(missing))
    subject, body = _words(template, language_of(locale))
    given = {key: _clean(key, value) for key, value in facts.items()} | {_LOCALE: locale_of(locale)}
    return Words(one_line(subject.render(given)), body.render(given).strip() + "\n")


def check_template(template: str) -> None:
    """Raise `UnknownTemplate` unless there is one of that name."""
    if template not in FACTS:
        raise UnknownTemplate("no such template", template=template, templates=sorted(FACTS))


def after(message: Message, sending: Sending, *, now: datetime) -> Message:
    """The message after an attempt to send it: sent, failed for good, or queued as before with what went wrong."""
    if not sending.is_over:
        return msgspec.structs.replace(message, problem=sending.problem)
    wanted = MessageStatus.FAILED if sending.problem else MessageStatus.SENT
    return msgspec.structs.replace(
        message,
        status=move(MESSAGE_MOVES, message.status, wanted),
        sent_at=None if sending.problem else now,
        problem=sending.problem,
    )


def language_of(locale: str) -> str:
    """Which of our languages a customer of that locale reads."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else LANGUAGES[0]


_LOCALE = "_locale"


def _clean(key: str, value: Fact) -> Fact:
    if not isinstance(value, str):
        return value
    line = one_line(value)
    if len(line) > FACT_LENGTH_MAX:
        raise BadFact("a fact is longer than any line of a message", fact=key, length=len(line))
    return line


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("batuta.notifications"),
        autoescape=False,  # noqa: S701 plain text: there is nothing to escape to
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["money"] = _money
    made.filters["day"] = _day
    made.filters["time"] = _time
    return made


@cache
def _words(template: str, language: str) -> tuple[Template, Template]:
    """The first line is the subject; they are filled apart, so that no fact can move from one to the other."""
    environment = _environment()
    assert environment.loader
    source, _, _ = environment.loader.get_source(environment, f"{template}.{language}.txt")
    subject, _, body = source.partition("\n")
    return environment.from_string(subject), environment.from_string(body)


@lru_cache(maxsize=1_000)
def locale_of(locale: str) -> Locale:
    """The formats of the customer's own country where babel knows it, but in a language that we speak."""
    language = language_of(locale)
    try:
        found = Locale.parse(locale.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale(language)
    return found if found.language == language else Locale(language)


@pass_context
def _money(context: Context, amount_minor: Any, currency: Any) -> str:
    if not isinstance(amount_minor, int) or not isinstance(currency, str):
        raise BadFact("an amount is minor units of a currency", got=str(amount_minor), currency=str(currency))
    amount = Decimal(amount_minor).scaleb(-exponent_of(currency))
    return format_currency(amount, currency, locale=context[_LOCALE])


@pass_context
def _day(context: Context, value: Any) -> str:
    return format_date(_local(context, value).date(), format="full", locale=context[_LOCALE])


@pass_context
def _time(context: Context, value: Any) -> str:
    return format_time(_local(context, value), format="short", locale=context[_LOCALE])


def _local(context: Context, value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        zone = ZoneInfo(context.get("time_zone") or "UTC")
        if not isinstance(at, datetime) or at.tzinfo is None:
            raise BadFact("a moment is an aware datetime", got=str(value))
    except (ValueError, KeyError) as problem:
        raise BadFact("no such moment or time zone", got=str(value), why=str(problem)) from None
    return at.astimezone(zone)
