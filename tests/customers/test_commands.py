"""Customers as saved and read back, on a real PostgreSQL."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from asyncpg import IntegrityConstraintViolationError

from batuta.customers.commands import give_consents, save_addresses, save_customers, withdraw_consents
from batuta.customers.domain import (
    AddressOfAnother,
    Consent,
    Customer,
    CustomerAddress,
    CustomerKind,
    ExternalIdTaken,
    Medium,
    Purpose,
    UnknownCustomer,
    UnlikelyCustomer,
    Withdrawal,
)
from batuta.customers.queries import (
    consents_of,
    customer_addresses,
    customers_by_email,
    customers_by_external_id,
    customers_by_id,
)
from batuta.customers.tables import consent as consent_table
from batuta.kernel.addresses import Address, BadAddress
from batuta.plumbing.database import Connection, Engine, insert_rows
from tests.making import NOW, fresh_code, fresh_id

GRAN_VIA = Address(name="Ana", street=["Gran Vía 28"], city="Madrid", postal_code="28013", country="ES")


def a_customer() -> Customer:
    code = fresh_code("c")
    return Customer(
        id=fresh_id(), name="Ana Gil", locale="es", country="ES", email=f"{code}@example.com", external_id=code
    )


async def given_customer(db: Connection) -> Customer:
    [saved] = await save_customers(db, customers=[a_customer()], now=NOW)
    assert isinstance(saved, Customer)
    return saved


async def test_people_companies_and_guests_are_read_back_as_they_were_checked(db: Connection) -> None:
    person = msgspec.structs.replace(a_customer(), phone="612 34 56 78", tax_number="12345678-z")
    company = Customer(
        id=fresh_id(),
        kind=CustomerKind.COMPANY,
        name="Hoteles  del Sur",
        country="ES",
        tax_number="B-58378431",
        email="Compras@EXAMPLE.com",
    )
    guest = Customer(id=fresh_id(), name="Luis", is_guest=True)

    answers = await save_customers(db, customers=[person, company, guest], now=NOW)

    assert answers == [
        msgspec.structs.replace(person, phone="+34612345678", tax_number="12345678Z", created_at=NOW),
        msgspec.structs.replace(
            company, name="Hoteles del Sur", tax_number="B58378431", email="Compras@example.com", created_at=NOW
        ),
        msgspec.structs.replace(guest, created_at=NOW),
    ]
    assert await customers_by_id(db, [guest.id, fresh_id()]) == {guest.id: answers[2]}
    assert await customers_by_external_id(db, [person.external_id or ""]) == {person.external_id: answers[0]}
    assert await customers_by_email(db, [person.email or ""]) == {person.email: [answers[0]]}


async def test_saving_again_keeps_when_a_customer_first_came(db: Connection) -> None:
    customer = await given_customer(db)

    [again] = await save_customers(
        db, customers=[msgspec.structs.replace(customer, name="Ana Gil Ruiz")], now=NOW + timedelta(days=1)
    )

    assert again == msgspec.structs.replace(customer, name="Ana Gil Ruiz", created_at=NOW)


async def test_an_external_id_names_one_customer(db: Connection) -> None:
    first, second, third = await given_customer(db), a_customer(), a_customer()

    answers = await save_customers(
        db,
        customers=[
            msgspec.structs.replace(second, external_id=first.external_id),
            msgspec.structs.replace(second, id=fresh_id(), email="nobody"),
            second,
            msgspec.structs.replace(third, external_id=second.external_id),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [ExternalIdTaken, UnlikelyCustomer, Customer, ExternalIdTaken]


async def test_an_address_is_saved_as_its_country_writes_it(db: Connection) -> None:
    customer = await given_customer(db)
    good = CustomerAddress(id=fresh_id(), customer_id=customer.id, address=GRAN_VIA, is_shipping_default=True)
    bad = msgspec.structs.replace(good, id=fresh_id(), address=msgspec.structs.replace(GRAN_VIA, region="Barcelona"))
    stranger = msgspec.structs.replace(good, id=fresh_id(), customer_id=fresh_id())

    answers = await save_addresses(db, addresses=[good, bad, stranger], now=NOW)

    checked = msgspec.structs.replace(good, address=msgspec.structs.replace(GRAN_VIA, region="M"))
    assert answers[0] == checked
    assert [type(answer) for answer in answers[1:]] == [BadAddress, UnknownCustomer]
    assert await customer_addresses(db, [customer.id]) == {customer.id: [checked]}


async def test_a_new_default_address_takes_the_place_of_the_old(db: Connection) -> None:
    customer, other = await given_customer(db), await given_customer(db)
    old, new, newest = (
        CustomerAddress(
            id=fresh_id(), customer_id=customer.id, address=GRAN_VIA, is_shipping_default=True, is_billing_default=first
        )
        for first in (True, False, False)
    )
    elsewhere = msgspec.structs.replace(old, id=fresh_id(), customer_id=other.id)
    await save_addresses(db, addresses=[old, elsewhere], now=NOW)

    await save_addresses(db, addresses=[new, newest], now=NOW)
    [stolen] = await save_addresses(db, addresses=[msgspec.structs.replace(old, customer_id=other.id)], now=NOW)

    books = await customer_addresses(db, [customer.id, other.id])
    flags = {one.id: (one.is_shipping_default, one.is_billing_default) for one in books[customer.id]}
    assert flags == {old.id: (False, True), new.id: (False, False), newest.id: (True, False)}
    assert [one.id for one in books[other.id] if one.is_shipping_default] == [elsewhere.id]
    assert isinstance(stolen, AddressOfAnother)


def a_consent(customer: Customer) -> Consent:
    return Consent(
        customer_id=customer.id,
        purpose=Purpose.MARKETING,
        medium=Medium.EMAIL,
        given_at=NOW,
        proof="form:newsletter",
    )


async def test_a_consent_is_in_force_until_it_is_withdrawn_and_never_forgotten(db: Connection) -> None:
    customer = await given_customer(db)
    first = a_consent(customer)
    later = msgspec.structs.replace(first, given_at=NOW + timedelta(days=9), proof="phone:call")
    withdrawal = Withdrawal(customer_id=customer.id, purpose=Purpose.MARKETING, medium=Medium.EMAIL)
    ended = msgspec.structs.replace(first, withdrawn_at=NOW + timedelta(days=2))

    assert await give_consents(db, consents=[first, later], now=NOW) == [first, first]
    assert await withdraw_consents(db, withdrawals=[withdrawal], now=NOW + timedelta(days=2)) == [ended]
    assert await withdraw_consents(db, withdrawals=[withdrawal], now=NOW + timedelta(days=3)) == [None]
    assert await give_consents(db, consents=[first, later], now=NOW + timedelta(days=9)) == [ended, later]
    assert await consents_of(db, [customer.id]) == {customer.id: [ended, later]}


async def test_a_consent_of_nobody_is_refused(db: Connection) -> None:
    customer = a_customer()

    [given] = await give_consents(db, consents=[a_consent(customer)], now=NOW)
    [withdrawn] = await withdraw_consents(
        db,
        withdrawals=[Withdrawal(customer_id=customer.id, purpose=Purpose.REVIEWS, medium=Medium.SMS)],
        now=NOW,
    )

    assert isinstance(given, UnknownCustomer)
    assert isinstance(withdrawn, UnknownCustomer)


async def test_two_who_record_the_same_consent_at_once_record_it_once(engine: Engine) -> None:
    async with engine.begin() as db:
        customer = await given_customer(db)

    async def give(days: int) -> list[object]:
        later = msgspec.structs.replace(a_consent(customer), given_at=NOW + timedelta(days=days))
        async with engine.begin() as db:
            return list(await give_consents(db, consents=[later], now=NOW))

    answers = await asyncio.gather(*(give(days) for days in range(8)))

    assert len({repr(answer) for answer in answers}) == 1
    async with engine.connect() as db:
        assert len((await consents_of(db, [customer.id]))[customer.id]) == 1


async def test_the_database_refuses_a_second_consent_in_force(db: Connection) -> None:
    customer = await given_customer(db)
    row = msgspec.structs.asdict(a_consent(customer)) | {"recorded_at": NOW}

    with pytest.raises(IntegrityConstraintViolationError):
        await insert_rows(db, consent_table, [row | {"id": fresh_id()}, row | {"id": fresh_id()}])
