"""What a supplier answers to a purchase order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, caller_of, requires
from batuta.purchasing.api.bodies import AcknowledgeBody, PurchaseTold, RefuseBody, ShipBody
from batuta.purchasing.api.sight import PATH, work
from batuta.purchasing.commands import acknowledge, refuse, ship
from batuta.purchasing.domain import Acknowledge, Refuse, ShipPurchase

MAY_WORK = requires("fulfillment.work")


@post(f"{PATH}/acknowledge", guards=[MAY_WORK], status_code=200)
async def acknowledge_purchase(
    request: AnyRequest, engine: NamedDependency[Engine], purchase_id: FromPath[UUID], data: JSONBody[AcknowledgeBody]
) -> Response[PurchaseTold]:
    """Take a purchase order on and say when the goods are sent; said again, the day moves."""
    wish = Acknowledge(purchase_id=purchase_id, due_at=data.due_at, note=data.note, actor=caller_of(request).actor)
    return await work(request, engine, purchase_id, lambda db, now: acknowledge(db, acknowledgements=[wish], now=now))


@post(f"{PATH}/reject", guards=[MAY_WORK], status_code=200)
async def refuse_purchase(
    request: AnyRequest, engine: NamedDependency[Engine], purchase_id: FromPath[UUID], data: JSONBody[RefuseBody]
) -> Response[PurchaseTold]:
    """Say no, to all or to some SKUs; the units are looked for elsewhere."""
    wish = Refuse(
        purchase_id=purchase_id,
        reason=data.reason,
        sku_ids=data.sku_ids,
        note=data.note,
        actor=caller_of(request).actor,
    )
    return await work(request, engine, purchase_id, lambda db, now: refuse(db, refusals=[wish], now=now))


@post(f"{PATH}/ship", guards=[MAY_WORK], status_code=200)
async def ship_purchase(
    request: AnyRequest, engine: NamedDependency[Engine], purchase_id: FromPath[UUID], data: JSONBody[ShipBody]
) -> Response[PurchaseTold]:
    """Tell that the carrier has all of it, in one parcel under the number of the supplier's own label."""
    wish = ShipPurchase(purchase_id=purchase_id, tracking_number=data.tracking_number, actor=caller_of(request).actor)
    return await work(request, engine, purchase_id, lambda db, now: ship(db, shipments=[wish], now=now))


ROUTES: Sequence[Any] = [acknowledge_purchase, refuse_purchase, ship_purchase]
