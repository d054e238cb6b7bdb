"""Customers, their addresses and consents."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from batuta.company.domain import ShipTerms
from batuta.kernel.addresses import Address
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import Code, Prose, Text, fitting

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(minutes=5)


class BadCustomer(Invalid):
    """The customer cannot be so; `field` says where."""


class UnlikelyCustomer(Refused):
    """Nobody has such an address, number or name, though it is written like one; `field` says where."""


class ExternalIdTaken(Refused):
    """Another customer carries this external id."""


class AddressOfAnother(Refused):
    """The address is in another customer's book."""


class UnknownCustomer(NotFound):
    """There is no such customer."""


class NotThen(Refused):
    """What somebody said, they said since 1970 and not later than now."""


Group = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")]
"""Customers who buy on the same terms, as `trade`; empty is none."""


class CustomerKind(StrEnum):
    PERSON = "person"
    COMPANY = "company"


class Purpose(StrEnum):
    """What a consent is for. Messages about an order need none."""

    MARKETING = "marketing"
    PROFILING = "profiling"
    REVIEWS = "reviews"
    SHARING = "sharing"


class Medium(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    POST = "post"
    WEB = "web"


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Who buys.

    locale: language of messages, as `es` or `es-ES`. phone: E.164. tax_number: as its country writes it.
    country: whose rules a phone without +, and the tax number, follow; empty when not known.
    customer_group: whose terms and ring-fenced stock they have, as `trade`; empty is none. ship_terms: of their orders.
    created_at: when first saved; given by the database.
    """

    id: UUID
    name: Text
    kind: CustomerKind = CustomerKind.PERSON
    locale: Code = "en"
    country: Prose = ""
    email: Prose | None = None
    phone: Prose | None = None
    tax_number: Prose | None = None
    is_guest: bool = False
    external_id: Code | None = None
    customer_group: Group = ""
    ship_terms: ShipTerms = ShipTerms()
    created_at: datetime | None = None


class CustomerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One address in a customer's book. At most one is the default to ship to, and one to bill."""

    id: UUID
    customer_id: UUID
    address: Address
    label: Prose = ""
    is_shipping_default: bool = False
    is_billing_default: bool = False


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's yes to one purpose over one medium. proof: where it was said, as `form:newsletter-2026`."""

    customer_id: UUID
    purpose: Purpose
    medium: Medium
    given_at: datetime
    proof: Text
    withdrawn_at: datetime | None = None


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's no, from now on."""

    customer_id: UUID
    purpose: Purpose
    medium: Medium


class CustomerFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which customers to list; None is any. search: words that begin the name."""

    id: UUID | None = None
    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    kind: CustomerKind | None = None
    is_guest: bool | None = None
    search: str | None = None


def check_said_at(at: datetime, *, now: datetime) -> None:
    """Accept a moment at which a customer can have said something; clocks may differ by five minutes.

    Raises:
        NotThen: it is none.
    """
    if not EARLIEST <= at <= now + CLOCKS_DIFFER:
        raise NotThen("nobody can have said it then", at=str(at))


def check_customer(customer: Customer) -> Customer:
    """Return the customer with e-mail, phone (E.164) and tax number as they are written properly.

    Raises:
        BadCustomer, UnlikelyCustomer: one of them fails its check.
    """
    customer = fitting(msgspec.structs.replace(customer, name=" ".join(customer.name.split())), BadCustomer)
    if customer.ship_terms.contradicts_itself:
        raise UnlikelyCustomer("what ships complete is not split", field="ship_terms.max_splits")
    if not customer.is_guest and not (customer.email or customer.phone or customer.external_id):
        raise UnlikelyCustomer("a customer who is no guest can be reached or named", field="email", id=str(customer.id))
    country = customer.country.strip().upper()
    return msgspec.structs.replace(
        customer,
        country=country,
        email=check_email(customer.email) if customer.email else None,
        phone=check_phone(customer.phone, country) if customer.phone else None,
        tax_number=check_tax_number(customer.tax_number, country) if customer.tax_number else None,
    )


def check_email(text: str) -> str:
    """Return the address with its domain in small letters; whether mail arrives there is not asked.

    Raises:
        UnlikelyCustomer: not an e-mail address.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise UnlikelyCustomer("not an e-mail address", field="email", got=text, why=str(problem)) from problem


def check_phone(text: str, country: str = "") -> str:
    """Return the number as E.164; without a leading + it is read as dialled within `country`.

    Raises:
        UnlikelyCustomer: not a number that can exist.
    """
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as problem:
        raise UnlikelyCustomer("not a phone number", field="phone", got=text, country=country) from problem
    if not phonenumbers.is_valid_number(number):
        raise UnlikelyCustomer("no such phone number can exist", field="phone", got=text, country=country)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def check_tax_number(text: str, country: str) -> str:
    """Return the number as its country writes it; of countries without known rules, as given.

    In Brazil a person's is a CPF and a company's a CNPJ; elsewhere one rule serves both.

    Raises:
        UnlikelyCustomer: it fails its check.
    """
    names = ("cpf", "cnpj") if country == "BR" else ("vat",)
    rules = [module for module in (get_cc_module(country, name) for name in names) if module] if country else []
    for module in rules:
        try:
            return str(module.validate(text))
        except ValidationError:
            continue
    if rules:
        raise UnlikelyCustomer(
            "the tax number fails its country's check", field="tax_number", got=text, country=country
        )
    return text.strip()
