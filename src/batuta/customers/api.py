"""Customers, their addresses and consents. Who asks as a customer sees that one alone."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from batuta.company.domain import ShipTerms
from batuta.customers.commands import give_consents, lock_customer, save_addresses, save_customers, withdraw_consents
from batuta.customers.domain import (
    Consent,
    Customer,
    CustomerAddress,
    CustomerFilter,
    CustomerKind,
    Group,
    Medium,
    Purpose,
    UnknownCustomer,
    Withdrawal,
    check_said_at,
)
from batuta.customers.queries import (
    consents_of,
    customer_addresses,
    customer_versions,
    customers_by_id,
    list_customers,
)
from batuta.kernel.addresses import Address
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, Text
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    check_version,
    etag,
    once,
    page_of,
    read_id,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment

Wanted = Annotated[str | None, QueryParameter(max_length=320)]
Search = Annotated[str | None, QueryParameter(max_length=100, description="Words that begin the name")]
Label = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=320, pattern=r"^[^\x00]*$")]


class CustomerBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer as it shall be; who is no guest has an e-mail, a phone or an external id.

    country: whose rules a phone without +, and the tax number, follow; empty when not known. ship_terms: of orders that
    do not say otherwise.
    """

    name: Text
    kind: CustomerKind = CustomerKind.PERSON
    locale: Code = "en"
    country: Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?$")] = ""
    email: Short | None = None
    phone: Short | None = None
    tax_number: Short | None = None
    is_guest: bool = False
    external_id: Code | None = None
    customer_group: Group = ""
    ship_terms: ShipTerms = ShipTerms()


class AddressBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address in a customer's book; a new default takes the place of the old."""

    address: Address
    label: Label = ""
    is_shipping_default: bool = False
    is_billing_default: bool = False


class ConsentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A yes to one purpose over one medium. proof: where it was said. given_at: when; now when it says nothing."""

    purpose: Purpose
    medium: Medium
    proof: Text
    given_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class WithdrawalBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A no to one purpose over one medium, from now on."""

    purpose: Purpose
    medium: Medium


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's book of addresses, the oldest first."""

    addresses: list[CustomerAddress]


class Consents(msgspec.Struct, frozen=True, kw_only=True):
    """Every consent that a customer gave, withdrawn ones too, by time."""

    consents: list[Consent]


@get("/api/customers", guards=[requires("customers.read")])
async def customers(  # noqa: PLR0917 - the parameters of the address
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    email: Wanted = None,
    phone: Wanted = None,
    external_id: Wanted = None,
    kind: FromQuery[CustomerKind | None] = None,
    is_guest: FromQuery[bool | None] = None,
    search: Search = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Customer]:
    """List customers, the newest first."""
    wanted = CustomerFilter(
        id=caller.customer_id,
        email=email,
        phone=phone,
        external_id=external_id,
        kind=kind,
        is_guest=is_guest,
        search=search,
    )
    behind = read_id(cursor)
    async with engine.connect() as db:
        found = await list_customers(db, wanted=wanted, behind=behind, limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.id,))


@get("/api/customers/{customer_id:uuid}", guards=[requires("customers.read")])
async def customer(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], customer_id: FromPath[UUID]
) -> Response[Customer]:
    """Answer with a customer; its version is the ETag."""
    async with engine.connect() as db:
        tag = await _tag(db, customer_id)
        return Response(await _customer(db, caller, customer_id), headers=tag)


@post("/api/customers", guards=[requires("customers.write")])
async def make_customer(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[CustomerBody],
) -> Response[Customer]:
    """Make a customer; an external id that another carries is refused with that one's id."""
    customer_id = fresh_id()

    async def act(db: Connection) -> Answer[Customer]:
        if caller.customer_id is not None:
            raise UnknownCustomer("you may change what you are, and be nobody else")
        return await _save(db, request, _as_customer(data, customer_id))

    return await once(engine, request, act)


@put("/api/customers/{customer_id:uuid}", guards=[requires("customers.write")])
async def put_customer(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    customer_id: FromPath[UUID],
    data: JSONBody[CustomerBody],
) -> Response[Customer]:
    """Save a customer under an id, its own or a new one; `If-Match` refuses what is based on an older version."""

    async def act(db: Connection) -> Answer[Customer]:
        _check_scope(caller, customer_id)
        given = _as_customer(data, customer_id)
        if caller.customer_id is not None:
            # Nobody gives themselves better terms.
            present = await _customer(db, caller, customer_id)
            given = msgspec.structs.replace(given, customer_group=present.customer_group)
        return await _save(db, request, given)

    return await once(engine, request, act)


@get("/api/customers/{customer_id:uuid}/addresses", guards=[requires("customers.read")])
async def addresses(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], customer_id: FromPath[UUID]
) -> Addresses:
    """Answer with a customer's book of addresses."""
    async with engine.connect() as db:
        await _customer(db, caller, customer_id)
        return Addresses(addresses=(await customer_addresses(db, [customer_id])).get(customer_id, []))


@put("/api/customers/{customer_id:uuid}/addresses/{address_id:uuid}", guards=[requires("customers.write")])
async def put_address(  # noqa: PLR0917 - the parts of the request
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    customer_id: FromPath[UUID],
    address_id: FromPath[UUID],
    data: JSONBody[AddressBody],
) -> Response[CustomerAddress]:
    """Save an address in a customer's book, under its own id or a new one."""

    async def act(db: Connection) -> Answer[CustomerAddress]:
        _check_scope(caller, customer_id)
        given = CustomerAddress(
            id=address_id,
            customer_id=customer_id,
            address=data.address,
            label=data.label,
            is_shipping_default=data.is_shipping_default,
            is_billing_default=data.is_billing_default,
        )
        return Answer(only(await save_addresses(db, addresses=[given], now=moment())))

    return await once(engine, request, act)


@get("/api/customers/{customer_id:uuid}/consents", guards=[requires("customers.read")])
async def consents(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], customer_id: FromPath[UUID]
) -> Consents:
    """Answer with every consent that a customer gave, withdrawn ones too."""
    async with engine.connect() as db:
        await _customer(db, caller, customer_id)
        return Consents(consents=(await consents_of(db, [customer_id])).get(customer_id, []))


@post("/api/customers/{customer_id:uuid}/consents", guards=[requires("customers.write")], status_code=HTTPStatus.OK)
async def give_consent(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    customer_id: FromPath[UUID],
    data: JSONBody[ConsentBody],
) -> Response[Consent]:
    """Record a consent; one that is in force stays and is the answer."""
    now = moment()
    given = Consent(
        customer_id=customer_id,
        purpose=data.purpose,
        medium=data.medium,
        given_at=data.given_at or now,
        proof=data.proof,
    )

    async def act(db: Connection) -> Answer[Consent]:
        _check_scope(caller, customer_id)
        check_said_at(given.given_at, now=now)
        return Answer(only(await give_consents(db, consents=[given], now=now)))

    return await once(engine, request, act)


@post(
    "/api/customers/{customer_id:uuid}/consents/withdraw",
    guards=[requires("customers.write")],
    status_code=HTTPStatus.OK,
)
async def withdraw_consent(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    customer_id: FromPath[UUID],
    data: JSONBody[WithdrawalBody],
) -> Response[Consents]:
    """Withdraw a consent from now on; answers with all there were, and none in force is no problem."""
    given = Withdrawal(customer_id=customer_id, purpose=data.purpose, medium=data.medium)

    async def act(db: Connection) -> Answer[Consents]:
        _check_scope(caller, customer_id)
        only(await withdraw_consents(db, withdrawals=[given], now=moment()))
        return Answer(Consents(consents=(await consents_of(db, [customer_id])).get(customer_id, [])))

    return await once(engine, request, act)


async def _save(db: Connection, request: AnyRequest, given: Customer) -> Answer[Customer]:
    check_version(request, await lock_customer(db, customer_id=given.id))
    saved = only(await save_customers(db, customers=[given], now=moment()))
    return Answer(saved, headers=await _tag(db, saved.id))


async def _customer(db: Connection, caller: Caller, customer_id: UUID) -> Customer:
    _check_scope(caller, customer_id)
    found = (await customers_by_id(db, [customer_id])).get(customer_id)
    if found is None:
        raise UnknownCustomer("there is no such customer", customer_id=str(customer_id))
    return found


async def _tag(db: Connection, customer_id: UUID) -> dict[str, str]:
    return {"etag": etag((await customer_versions(db, [customer_id])).get(customer_id, 0))}


def _check_scope(caller: Caller, customer_id: UUID) -> None:
    if caller.customer_id not in {None, customer_id}:
        raise UnknownCustomer("there is no such customer", customer_id=str(customer_id))


def _as_customer(body: CustomerBody, customer_id: UUID) -> Customer:
    return Customer(id=customer_id, **msgspec.structs.asdict(body))


ROUTES = [
    customers,
    customer,
    make_customer,
    put_customer,
    addresses,
    put_address,
    consents,
    give_consent,
    withdraw_consent,
]
