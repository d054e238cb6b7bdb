"""Labels, as they were printed and as pages."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from batuta.plumbing.database import Connection
from batuta.shipping.domain import LabelFacts, label_pdf
from batuta.shipping.tables import carrier, label, parcel, service


async def zpl_labels(db: Connection, parcel_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The ZPL that was written for each of these parcels; one that has none is left out."""
    rows = await db.execute(
        select(label.c.parcel_id, label.c.zpl).where(label.c.parcel_id == func.any(list(parcel_ids)))
    )
    return {row[0]: row[1] for row in rows}


async def label_facts(db: Connection, parcel_ids: Iterable[UUID]) -> dict[UUID, LabelFacts]:
    """What stands on the label of each of these parcels; one that has no numbers yet is left out."""
    rows = await db.execute(
        select(
            parcel.c.id,
            parcel.c.tracking_number,
            parcel.c.sscc,
            parcel.c.reference,
            parcel.c.weight_g,
            parcel.c.origin,
            parcel.c.destination,
            service.c.name.label("service_name"),
            service.c.kind.label("service_kind"),
            carrier.c.name.label("carrier_name"),
        )
        .join(service, service.c.id == parcel.c.service_id)
        .join(carrier, carrier.c.id == parcel.c.carrier_id)
        .where(parcel.c.id == func.any(list(parcel_ids)), parcel.c.sscc.is_not(None))
    )
    return {row["id"]: msgspec.convert(dict(row), LabelFacts) for row in rows}


async def label_pdfs(db: Connection, parcel_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The label of each of these parcels as a PDF page, drawn now, beside the event loop (some 8 ms each)."""
    facts = await label_facts(db, parcel_ids)
    pages = await asyncio.to_thread(lambda: [label_pdf(one) for one in facts.values()])
    return dict(zip(facts, pages, strict=True))
