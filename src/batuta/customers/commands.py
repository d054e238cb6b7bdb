"""Saving customers, their addresses and consents; many at once, and the same again changes nothing."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, bindparam, select, update

from batuta.customers.domain import (
    AddressOfAnother,
    Consent,
    Customer,
    CustomerAddress,
    ExternalIdTaken,
    UnknownCustomer,
    Withdrawal,
    check_customer,
)
from batuta.customers.queries import consents_of, customers_by_external_id, customers_by_id
from batuta.customers.tables import consent, customer, customer_address
from batuta.kernel.addresses import check_address
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each, good
from batuta.kernel.quantities import fitting
from batuta.plumbing.database import Connection, Instant, arrays, insert_rows, params, rows_with, upsert_rows

Key = tuple[UUID, str, str]
Given = TypeVar("Given", CustomerAddress, Consent, Withdrawal)

_LOCK = select(customer.c.version).where(customer.c.id == bindparam("id", type_=Uuid())).with_for_update(key_share=True)


async def save_customers(
    db: Connection, *, customers: Sequence[Customer], now: datetime
) -> list[Customer | BatutaError]:
    """Save customers by id; each answer is the one stored or why not."""
    named = {one.external_id for one in customers if one.external_id}
    owners = {code: one.id for code, one in (await customers_by_external_id(db, named)).items()}
    checked = each(customers, lambda one: _named_alone(check_customer(one), owners))
    rows = {one.id: msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in good(checked)}
    await upsert_rows(db, customer, rows.values(), key=("id",))
    stored = await customers_by_id(db, rows)
    return [one if isinstance(one, BatutaError) else stored[one.id] for one in checked]


async def lock_customer(db: Connection, *, customer_id: UUID) -> int:
    """Lock a customer that is going to be saved and return its version; 0 when there is none yet."""
    return int(await db.scalar(_LOCK, {"id": customer_id}) or 0)


async def save_addresses(
    db: Connection, *, addresses: Sequence[CustomerAddress], now: datetime
) -> list[CustomerAddress | BatutaError]:
    """Save addresses by id, checked by the rules of their country; a new default takes the place of the old."""
    given_ids = {one.id for one in addresses}
    known = await _lock_customers(db, {one.customer_id for one in addresses})
    owners = {row["id"]: row["customer_id"] for row in await rows_with(db, customer_address.c.id, given_ids)}

    def decide(one: CustomerAddress) -> CustomerAddress:
        if owners.get(one.id, one.customer_id) != one.customer_id:
            raise AddressOfAnother("this address is in another customer's book", id=str(one.id))
        _of_known(one, known)
        return msgspec.structs.replace(fitting(one), address=check_address(one.address))

    checked = each(addresses, decide)
    saved = _with_one_default({one.id: one for one in good(checked)})
    await _demote(db, customer_address.c.is_shipping_default, [one for one in saved if one.is_shipping_default])
    await _demote(db, customer_address.c.is_billing_default, [one for one in saved if one.is_billing_default])
    rows = [msgspec.structs.asdict(one) | {"created_at": now, "updated_at": now} for one in saved]
    await upsert_rows(db, customer_address, rows, key=("id",))
    stored = {one.id: one for one in saved}
    return [one if isinstance(one, BatutaError) else stored[one.id] for one in checked]


async def give_consents(db: Connection, *, consents: Sequence[Consent], now: datetime) -> list[Consent | BatutaError]:
    """Record consents; where one is in force for that purpose and medium, it stays and is the answer.

    The very same consent told again after its withdrawal is the withdrawn one, not a new one.
    """
    known = await _lock_customers(db, {one.customer_id for one in consents})
    told = {_id(one): one for given in (await consents_of(db, known)).values() for one in given}
    in_force = {_key(one): one for one in told.values() if one.withdrawn_at is None}
    news: dict[UUID, Consent] = {}

    def decide(one: Consent) -> Consent:
        key, consent_id = _key(_of_known(fitting(one), known)), _id(one)
        if consent_id in told or key in in_force:
            return told.get(consent_id) or in_force[key]
        told[consent_id] = in_force[key] = news[consent_id] = msgspec.structs.replace(one, withdrawn_at=None)
        return news[consent_id]

    answers = each(consents, decide)
    rows = [
        msgspec.structs.asdict(one) | {"id": consent_id, "recorded_at": now} for consent_id, one in sorted(news.items())
    ]
    await insert_rows(db, consent, rows)
    return answers


async def withdraw_consents(
    db: Connection, *, withdrawals: Sequence[Withdrawal], now: datetime
) -> list[Consent | BatutaError | None]:
    """Withdraw consents; each answer is the consent that ends now, or None where none was in force."""
    known = await _lock_customers(db, {one.customer_id for one in withdrawals})
    told = await consents_of(db, known)
    in_force = {_key(one): one for given in told.values() for one in given if one.withdrawn_at is None}
    ended: dict[Key, Consent] = {}

    def decide(one: Withdrawal) -> Consent | None:
        key = _key(_of_known(one, known))
        if key in in_force:
            ended[key] = msgspec.structs.replace(in_force[key], withdrawn_at=max(now, in_force[key].given_at))
        return ended.get(key)

    answers = each(withdrawals, decide)
    given = arrays("ended", id=Uuid(), withdrawn_at=Instant)
    await db.execute(
        update(consent)
        .where(consent.c.id == given.c.id, consent.c.withdrawn_at.is_(None))
        .values(withdrawn_at=given.c.withdrawn_at),
        params(
            "ended",
            id=[_id(one) for one in ended.values()],
            withdrawn_at=[one.withdrawn_at for one in ended.values()],
        ),
    )
    return answers


def _named_alone(one: Customer, owners: dict[str, UUID]) -> Customer:
    if one.external_id and owners.setdefault(one.external_id, one.id) != one.id:
        raise ExternalIdTaken(
            "another customer carries this external id",
            external_id=one.external_id,
            customer_id=str(owners[one.external_id]),
        )
    return one


def _of_known(one: Given, known: AbstractSet[UUID]) -> Given:
    if one.customer_id not in known:
        raise UnknownCustomer("there is no such customer", customer_id=str(one.customer_id))
    return one


def _with_one_default(saved: Mapping[UUID, CustomerAddress]) -> list[CustomerAddress]:
    """The addresses, where of several new defaults of one customer the last stays one."""
    shipping = {one.customer_id: one.id for one in saved.values() if one.is_shipping_default}
    billing = {one.customer_id: one.id for one in saved.values() if one.is_billing_default}
    return [
        msgspec.structs.replace(
            one,
            is_shipping_default=shipping.get(one.customer_id) == one.id,
            is_billing_default=billing.get(one.customer_id) == one.id,
        )
        for one in saved.values()
    ]


async def _demote(db: Connection, default: ColumnElement[bool], heirs: Sequence[CustomerAddress]) -> None:
    """Take the default from every address of the heirs' customers but the heirs."""
    given = arrays("heir", id=Uuid(), customer_id=Uuid())
    await db.execute(
        update(customer_address)
        .where(customer_address.c.customer_id == given.c.customer_id, customer_address.c.id != given.c.id, default)
        .values({default: False}),
        params("heir", id=[one.id for one in heirs], customer_id=[one.customer_id for one in heirs]),
    )


async def _lock_customers(db: Connection, ids: AbstractSet[UUID]) -> set[UUID]:
    """Lock the customers in the order of their ids and return those that are there."""
    wanted = select(customer.c.id).where(customer.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    rows = await db.execute(wanted.order_by(customer.c.id).with_for_update(key_share=True), {"ids": sorted(ids)})
    return set(rows.scalars())


def _id(one: Consent) -> UUID:
    return child_id(one.customer_id, one.purpose, one.medium, one.given_at.astimezone(UTC).isoformat())


def _key(one: Consent | Withdrawal) -> Key:
    return one.customer_id, one.purpose, one.medium
