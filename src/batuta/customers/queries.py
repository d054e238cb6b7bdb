"""Customers, their addresses and consents, many at once."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from batuta.customers.domain import Consent, Customer, CustomerAddress
from batuta.customers.tables import consent, customer, customer_address
from batuta.plumbing.database import Connection, rows_with


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
