"""Customers, their addresses and consents, many at once."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Boolean, Text, Uuid, any_, bindparam, select

from batuta.customers.domain import Consent, Customer, CustomerAddress, CustomerFilter
from batuta.customers.tables import consent, customer, customer_address, customer_words
from batuta.plumbing.database import Connection, rows_with
from batuta.plumbing.listing import Listing, has_words, to_words

_CUSTOMERS = Listing(
    select(customer),
    order=(customer.c.id,),
    filters={
        "id": customer.c.id == bindparam("id", type_=Uuid()),
        "email": customer.c.email == bindparam("email", type_=Text()),
        "phone": customer.c.phone == bindparam("phone", type_=Text()),
        "external_id": customer.c.external_id == bindparam("external_id", type_=Text()),
        "kind": customer.c.kind == bindparam("kind", type_=Text()),
        "is_guest": customer.c.is_guest == bindparam("is_guest", type_=Boolean()),
        "search": has_words(customer_words, "search"),
    },
    is_newest_first=True,
)
_VERSIONS = select(customer.c.id, customer.c.version).where(
    customer.c.id == any_(bindparam("ids", type_=ARRAY(Uuid(), dimensions=1)))
)


async def list_customers(
    db: Connection, *, wanted: CustomerFilter, behind: UUID | None = None, limit: int
) -> list[Customer]:
    """A page of customers, the newest first, behind the id with which the page before it ended."""
    given = msgspec.structs.asdict(wanted) | {"search": to_words(wanted.search)}
    rows = await _CUSTOMERS.read(db, given, behind=None if behind is None else (behind,), limit=limit)
    return msgspec.convert([dict(row) for row in rows], list[Customer])


async def customer_versions(db: Connection, ids: Collection[UUID]) -> dict[UUID, int]:
    """How often each customer was saved (PLT-02); to be asked before the customer itself."""
    return {row.id: row.version for row in await db.execute(_VERSIONS, {"ids": list(ids)})}


async def customers_by_id(db: Connection, ids: Collection[UUID]) -> dict[UUID, Customer]:
    found = msgspec.convert(await rows_with(db, customer.c.id, ids), list[Customer])
    return {one.id: one for one in found}


async def customers_by_external_id(db: Connection, external_ids: Collection[str]) -> dict[str, Customer]:
    found = msgspec.convert(await rows_with(db, customer.c.external_id, external_ids), list[Customer])
    return {one.external_id or "": one for one in found}


async def customers_by_email(db: Connection, emails: Collection[str]) -> dict[str, list[Customer]]:
    """Customers by e-mail, the oldest first; a guest who came three times is three customers."""
    found: dict[str, list[Customer]] = {}
    for one in sorted(
        msgspec.convert(await rows_with(db, customer.c.email, emails), list[Customer]), key=lambda one: one.id
    ):
        found.setdefault(one.email or "", []).append(one)
    return found


async def customer_addresses(db: Connection, customer_ids: Collection[UUID]) -> dict[UUID, list[CustomerAddress]]:
    """Each customer's book of addresses, oldest first; a customer without any is absent."""
    rows = await rows_with(db, customer_address.c.customer_id, customer_ids)
    found: dict[UUID, list[CustomerAddress]] = {}
    for one in sorted(msgspec.convert(rows, list[CustomerAddress]), key=lambda one: one.id):
        found.setdefault(one.customer_id, []).append(one)
    return found


async def consents_of(db: Connection, customer_ids: Collection[UUID]) -> dict[UUID, list[Consent]]:
    """Every consent each customer gave, withdrawn ones too, by time; a customer without any is absent."""
    rows = await rows_with(db, consent.c.customer_id, customer_ids)
    found: dict[UUID, list[Consent]] = {}
    for one in sorted(msgspec.convert(rows, list[Consent]), key=lambda one: (one.given_at, one.purpose, one.medium)):
        found.setdefault(one.customer_id, []).append(one)
    return found
