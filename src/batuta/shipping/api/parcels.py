"""Parcels: found, read, and their labels printed."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from batuta.kernel.errors import Refused
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Caller, requires
from batuta.plumbing.web.scopes import ScopesOf, check_seen, sees, sees_all
from batuta.shipping.domain import NotLabelled, Parcel, ParcelNotFound, SeenScan, zpl
from batuta.shipping.queries import (
    label_facts,
    label_pdfs,
    parcel_by_tracking,
    parcels_by_id,
    parcels_of_owner,
    scans_of,
    zpl_labels,
)

PATH = "/api/parcels/{parcel_id:uuid}"
PDF = "application/pdf"
ZPL = "text/plain"

OrderId = Annotated[UUID | None, QueryParameter(name="order_id", description="The parcels of this order")]
CarrierCode = Annotated[str | None, QueryParameter(max_length=100, description="Beside `tracking_number`")]
TrackingNumber = Annotated[
    str | None, QueryParameter(max_length=100, description="The one parcel with this number of the carrier")
]
LabelAs = Annotated[
    Literal["pdf", "zpl"],
    QueryParameter(name="format", description="A page of 4 x 6 inches, or what a label printer of 203 dpi reads"),
]


class BadSearch(Refused):
    """Parcels are found by their order, or by carrier and tracking number."""


class Parcels(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Parcel]


class Scans(msgspec.Struct, frozen=True, kw_only=True):
    items: list[SeenScan]


@get("/api/parcels", guards=[requires("shipping.read")])
async def parcels_found(
    *,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    parcel_scopes: NamedDependency[ScopesOf],
    order_id: OrderId = None,
    carrier_code: CarrierCode = None,
    tracking_number: TrackingNumber = None,
) -> Parcels:
    """The parcels of an order as they were opened, or the one that a carrier calls by a tracking number."""
    async with engine.connect() as db:
        if order_id is not None and carrier_code is None and tracking_number is None:
            found = (await parcels_of_owner(db, [order_id]))[order_id]
        elif order_id is None and carrier_code is not None and tracking_number is not None:
            ids = await parcel_by_tracking(db, [(carrier_code, tracking_number)])
            found = list((await parcels_by_id(db, ids.values())).values())
        else:
            raise BadSearch("parcels are found by order_id, or by carrier_code and tracking_number")
        if sees_all(caller):
            return Parcels(items=found)
        scopes = await parcel_scopes(db, [one.id for one in found])
    return Parcels(items=[one for one in found if sees(caller, scopes.get(one.id))])


@get(PATH, guards=[requires("shipping.read")])
async def one_parcel(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    parcel_scopes: NamedDependency[ScopesOf],
    parcel_id: FromPath[UUID],
) -> Parcel:
    """A parcel: what is in it, what we did with it, and what its carrier said last."""
    async with engine.connect() as db:
        return await _seen(db, caller, parcel_scopes, parcel_id)


@get(f"{PATH}/scans", guards=[requires("shipping.read")])
async def parcel_scans(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    parcel_scopes: NamedDependency[ScopesOf],
    parcel_id: FromPath[UUID],
) -> Scans:
    """What the carrier reported, by its own clock, in our words beside its own (SHP-02)."""
    async with engine.connect() as db:
        await _seen(db, caller, parcel_scopes, parcel_id)
        return Scans(items=(await scans_of(db, [parcel_id]))[parcel_id])


@get(f"{PATH}/label", guards=[requires("shipping.read")], media_type=PDF, opt={"also_media_types": [ZPL]})
async def parcel_label(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    parcel_scopes: NamedDependency[ScopesOf],
    parcel_id: FromPath[UUID],
    label_format: LabelAs = "pdf",
) -> Response[bytes]:
    """The label, ready to print: `application/pdf`, or ZPL as `text/plain`."""
    async with engine.connect() as db:
        await _seen(db, caller, parcel_scopes, parcel_id)
        if label_format == "zpl":
            label = await _zpl(db, parcel_id)
        else:
            label = (await label_pdfs(db, [parcel_id])).get(parcel_id)
    if label is None:
        raise NotLabelled("the parcel has no label", parcel_id=str(parcel_id))
    shown = {"content-disposition": f'inline; filename="{parcel_id}.{label_format}"'}
    return Response(label, media_type=PDF if label_format == "pdf" else ZPL, headers=shown)


async def _zpl(db: Connection, parcel_id: UUID) -> bytes | None:
    """As it was printed, or drawn now where it was printed as a page."""
    if printed := (await zpl_labels(db, [parcel_id])).get(parcel_id):
        return printed.encode()
    facts = (await label_facts(db, [parcel_id])).get(parcel_id)
    return zpl(facts).encode() if facts else None


async def _seen(db: Connection, caller: Caller, parcel_scopes: ScopesOf, parcel_id: UUID) -> Parcel:
    """Raises:
    ParcelNotFound: or of somebody else.
    """
    refusal = ParcelNotFound("no parcel has this id", parcel_id=str(parcel_id))
    await check_seen(db, caller, parcel_scopes, parcel_id, refusal)
    found = (await parcels_by_id(db, [parcel_id])).get(parcel_id)
    if found is None:
        raise refusal
    return found
