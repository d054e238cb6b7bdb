"""Tables of the customers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Named, Table, TypedColumns, Uuid

from batuta.customers.domain import CustomerKind, Medium, Purpose
from batuta.plumbing.database import Instant, Integer, Json, Text, metadata
from batuta.plumbing.listing import words_of


class CustomerColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    name: Named[str] = Column(Text, nullable=False)
    kind: Named[str] = Column(Text, nullable=False)
    locale: Named[str] = Column(Text, nullable=False)
    country: Named[str] = Column(Text, nullable=False)
    email: Named[str | None] = Column(Text, nullable=True)
    phone: Named[str | None] = Column(Text, nullable=True)
    tax_number: Named[str | None] = Column(Text, nullable=True)
    is_guest: Named[bool] = Column(Boolean, nullable=False)
    external_id: Named[str | None] = Column(Text, nullable=True, unique=True)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)
    version: Named[int] = Column(Integer, nullable=False, server_default="1")
    customer_group: Named[str] = Column(Text, nullable=False, server_default="")
    ship_terms: Named[Any] = Column(Json, nullable=False, server_default="{}")


customer = Table(
    "customer",
    metadata,
    CustomerColumns,
    CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in CustomerKind)})", name="kind_is_known"),
    CheckConstraint("phone ~ '^[+][1-9][0-9]{3,14}$'", name="phone_is_e164"),
    schema="customers",
)
Index(None, customer.c.email, postgresql_where=customer.c.email.is_not(None))
Index(None, customer.c.phone, postgresql_where=customer.c.phone.is_not(None))
customer_words = words_of(customer.c.name)
Index("customer_words_idx", customer_words, postgresql_using="gin")


class CustomerAddressColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    customer_id: Named[UUID] = Column(ForeignKey(customer.c.id), nullable=False, index=True)
    address: Named[Any] = Column(Json, nullable=False)
    label: Named[str] = Column(Text, nullable=False)
    is_shipping_default: Named[bool] = Column(Boolean, nullable=False)
    is_billing_default: Named[bool] = Column(Boolean, nullable=False)
    created_at: Named[datetime] = Column(Instant, nullable=False)
    updated_at: Named[datetime] = Column(Instant, nullable=False)


customer_address = Table("customer_address", metadata, CustomerAddressColumns, schema="customers")
Index(
    "customer_address_one_shipping_default",
    customer_address.c.customer_id,
    unique=True,
    postgresql_where=customer_address.c.is_shipping_default,
)
Index(
    "customer_address_one_billing_default",
    customer_address.c.customer_id,
    unique=True,
    postgresql_where=customer_address.c.is_billing_default,
)


class ConsentColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    customer_id: Named[UUID] = Column(ForeignKey(customer.c.id), nullable=False, index=True)
    purpose: Named[str] = Column(Text, nullable=False)
    medium: Named[str] = Column(Text, nullable=False)
    given_at: Named[datetime] = Column(Instant, nullable=False)
    proof: Named[str] = Column(Text, nullable=False)
    withdrawn_at: Named[datetime | None] = Column(Instant, nullable=True)
    recorded_at: Named[datetime] = Column(Instant, nullable=False)


consent = Table(
    "consent",
    metadata,
    ConsentColumns,
    CheckConstraint(f"purpose IN ({', '.join(repr(str(one)) for one in Purpose)})", name="purpose_is_known"),
    CheckConstraint(f"medium IN ({', '.join(repr(str(one)) for one in Medium)})", name="medium_is_known"),
    CheckConstraint("withdrawn_at >= given_at", name="withdrawn_after_given"),
    schema="customers",
)
Index(
    "consent_one_in_force",
    consent.c.customer_id,
    consent.c.purpose,
    consent.c.medium,
    unique=True,
    postgresql_where=consent.c.withdrawn_at.is_(None),
)
