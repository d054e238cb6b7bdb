"""Legal entities, their brands, and the channels of these."""

from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.core import get_global
from babel.numbers import is_currency
from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from batuta.company.domain.policies import Policies
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import Code, Prose, Text, fitting
from batuta.kernel.rejections import SAID_OF_PLANS, RejectionReason

GS1_PREFIX_DIGITS = range(4, 13)


class BadLegalEntity(Invalid):
    """The legal entity cannot be written so."""


class ImplausibleLegalEntity(Refused):
    """No legal entity is so, though it is written like one; `field` says where."""


class BadBrand(Invalid):
    """The brand cannot be so."""


class BadChannel(Invalid):
    """The channel cannot be written so."""


class ImplausibleChannel(Refused):
    """No channel is so, though it is written like one; `field` says where."""


class UnknownOwner(NotFound):
    """The brand or legal entity it is said to belong to is not there."""


class UnknownBrand(NotFound):
    """There is no such brand."""


class UnknownLegalEntity(NotFound):
    """There is no such legal entity."""


class UnknownChannel(NotFound):
    """There is no such channel, or not for you."""


class ChannelIsFixed(Refused):
    """A channel that is there would change its currency or tax mode; make another channel."""


class ChannelKind(StrEnum):
    WEB = "web"
    APP = "app"
    PHONE = "phone"
    STORE = "store"
    MARKETPLACE = "marketplace"
    RESTAURANT = "restaurant"


class TaxMode(StrEnum):
    """Whether a listed price has the tax in it."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


class LegalEntity(msgspec.Struct, frozen=True, kw_only=True):
    """Who owes the tax and owns the stock.

    tax_number: as its country writes it, checked; empty when it has none.
    gs1_prefix: the GS1 company prefix from which SSCCs and GTINs are made; empty when it has none.
    """

    id: UUID
    code: Code
    name: Text
    country: str
    currency: str
    time_zone: str
    tax_number: Prose = ""
    gs1_prefix: Prose = ""


class Brand(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    code: Code
    name: Text
    legal_entity_id: UUID


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to buy. locale: the language of its messages, as `es` or `en`."""

    id: UUID
    code: Code
    name: Text
    brand_id: UUID
    kind: ChannelKind
    currency: str
    country: str
    locale: Code
    tax_mode: TaxMode
    policies: Policies = Policies()


def check_legal_entity(entity: LegalEntity) -> LegalEntity:
    """Return the legal entity with its tax number as its country writes it.

    Raises:
        BadLegalEntity: text that does not fit.
        ImplausibleLegalEntity: unknown country, currency or time zone, a tax number that fails its check, a prefix
            that is not 4 to 12 digits.
    """
    _check_place(fitting(entity, BadLegalEntity), ImplausibleLegalEntity)
    try:
        ZoneInfo(entity.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImplausibleLegalEntity("no such IANA time zone", field="time_zone", got=entity.time_zone) from None
    prefix = entity.gs1_prefix
    if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) in GS1_PREFIX_DIGITS):
        raise ImplausibleLegalEntity("a GS1 company prefix has 4 to 12 digits", field="gs1_prefix", got=prefix)
    return msgspec.structs.replace(entity, tax_number=_checked_tax_number(entity))


def check_channel(channel: Channel) -> Channel:
    """Return the channel, whose policies agree with each other.

    Raises:
        BadChannel: a policy out of its bounds.
        ImplausibleChannel: unknown country or currency, or policies that contradict each other.
    """
    _check_place(fitting(channel, BadChannel), ImplausibleChannel)
    policies = fitting(channel.policies, BadChannel)
    if policies.cart_hold_minutes > policies.hold_minutes_max:
        raise ImplausibleChannel(
            "a cart cannot be held longer than the longest hold",
            field="policies.cart_hold_minutes",
            cart_hold_minutes=policies.cart_hold_minutes,
            hold_minutes_max=policies.hold_minutes_max,
        )
    known = {str(reason) for reason in RejectionReason} - SAID_OF_PLANS
    if unknown := sorted(policies.ban_days.keys() - known):
        raise ImplausibleChannel(
            "no location says no for such a reason", field="policies.ban_days", got=unknown, known=sorted(known)
        )
    return channel


def check_same_money(channel: Channel, before: Channel | None) -> Channel:
    """Return the channel, which keeps the currency and tax mode it had: its prices mean nothing in others.

    Raises:
        ChannelIsFixed.
    """
    if before and (before.currency, before.tax_mode) != (channel.currency, channel.tax_mode):
        raise ChannelIsFixed(
            "a channel keeps its currency and tax mode: its prices mean nothing in others",
            code=channel.code,
            currency=before.currency,
            tax_mode=before.tax_mode,
        )
    return channel


def _check_place(thing: LegalEntity | Channel, wrong: type[Refused]) -> None:
    if thing.country not in get_global("territory_currencies"):
        raise wrong("no such country (ISO 3166-1 alpha-2)", field="country", got=thing.country)
    if not is_currency(thing.currency):
        raise wrong("no such currency (ISO 4217)", field="currency", got=thing.currency)


def _checked_tax_number(entity: LegalEntity) -> str:
    rules = get_cc_module(entity.country, "vat")
    if not entity.tax_number or rules is None:
        return entity.tax_number.strip()
    try:
        return str(rules.validate(entity.tax_number))
    except ValidationError as problem:
        raise ImplausibleLegalEntity(
            "the tax number fails its country's check",
            field="tax_number",
            got=entity.tax_number,
            country=entity.country,
            why=str(problem),
        ) from problem
