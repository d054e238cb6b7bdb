"""Packing slips: what lies in a parcel, on paper for whoever opens it (INV-14)."""

import asyncio
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from batuta.fulfillment.domain import UnknownPackage, slip_pdf
from batuta.fulfillment.queries import packing_slips, parcel_scopes
from batuta.plumbing.database import Engine
from batuta.plumbing.web import Caller, requires
from batuta.plumbing.web.scopes import check_seen

PDF = "application/pdf"


@get("/api/parcels/{parcel_id:uuid}/packing-slip", guards=[requires("shipping.read")], media_type=PDF)
async def parcel_packing_slip(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], parcel_id: FromPath[UUID]
) -> Response[bytes]:
    """The packing slip, ready to print on A4, in the language of the order: serial numbers, lots, and no prices.

    It says what of the order is elsewhere as that stands now; a pickup's bag has one too.
    """
    async with engine.connect() as db:
        refusal = UnknownPackage("no such parcel is packed here", parcel_id=str(parcel_id))
        await check_seen(db, caller, parcel_scopes, parcel_id, refusal)
        slip = (await packing_slips(db, [parcel_id])).get(parcel_id)
    if slip is None:
        raise refusal
    page = await asyncio.to_thread(slip_pdf, slip)
    return Response(page, media_type=PDF, headers={"content-disposition": f'inline; filename="{parcel_id}-slip.pdf"'})


ROUTES = [parcel_packing_slip]
