"""Which purchase orders callers see: a supplier's people those of their location."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response

from batuta.kernel.errors import BatutaError
from batuta.kernel.outcomes import only
from batuta.locations.domain import Location, UnknownLocation
from batuta.locations.queries import locations_by_code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, caller_of, once
from batuta.plumbing.web.moments import moment
from batuta.purchasing.api.bodies import PurchaseTold
from batuta.purchasing.domain import Purchase, UnknownPurchase
from batuta.purchasing.queries import purchases_by_id

PATH = "/api/purchase-orders/{purchase_id:uuid}"

Verb = Callable[[Connection, datetime], Awaitable[Sequence[Purchase | BatutaError]]]


async def work(request: AnyRequest, engine: Engine, purchase_id: UUID, verb: Verb) -> Response[PurchaseTold]:
    """Do a verb of a purchase order that the caller sees, and answer with how it stands then."""
    caller = caller_of(request)

    async def act(db: Connection) -> Answer[PurchaseTold]:
        await seen(db, caller, purchase_id)
        return Answer(told(only(await verb(db, moment()))))

    return await once(engine, request, act)


async def seen(db: Connection, caller: Caller, purchase_id: UUID) -> Purchase:
    """Raises:
    UnknownPurchase: of somebody else, too.
    """
    found = (await purchases_by_id(db, [purchase_id])).get(purchase_id)
    if found is None or not caller.sees_location(found.location_id):
        raise UnknownPurchase("there is no such purchase order", purchase_id=str(purchase_id))
    return found


async def place_of(db: Connection, caller: Caller, code: str) -> Location:
    """The location of a code.

    Raises:
        UnknownLocation: where the caller does not work, too.
    """
    found = (await locations_by_code(db, [code])).get(code)
    if found is None or not caller.sees_location(found.id):
        raise UnknownLocation("there is no such location", location_code=code)
    return found


def told(one: Purchase) -> PurchaseTold:
    return msgspec.convert(one, PurchaseTold, from_attributes=True)
