"""Setting what carriers offer: themselves, their services and rate cards."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.kernel.codes import check_same_id
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, Quantity, Text
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, check_version, etag, once, requires
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import check_unbound
from batuta.shipping.commands import lock_carrier, lock_service, save_carriers, save_services, set_rate_cards
from batuta.shipping.domain import (
    TABLE_RATE,
    Carrier,
    Rate,
    RateCard,
    Service,
    ServiceKind,
    Transit,
    UnknownCarrier,
    UnknownService,
    ZoneRule,
)
from batuta.shipping.domain.services import CompanyPrefix, Currency
from batuta.shipping.queries import carrier_with_version, rate_cards_of, service_with_version

CARD = "/api/shipping/services/{service_id:uuid}/rate-card"
LANGUAGES_MAX = 50
ZONES_MAX = 20_000
RATES_MAX = 10_000
TRANSITS_MAX = 1_000


class CarrierBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A carrier as it shall be. gs1_prefix: the company prefix with which the numbers of its parcels begin.

    adapter: how it is spoken with; `table_rate` is a carrier whose numbers and labels are made here.
    """

    code: Code
    name: Text
    gs1_prefix: CompanyPrefix
    adapter: Code = TABLE_RATE


class ServiceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service as it shall be; it keeps its carrier and currency. name: by locale. kind: what the buyer chooses."""

    code: Code
    carrier_id: UUID
    name: Annotated[dict[Code, Text], msgspec.Meta(min_length=1, max_length=LANGUAGES_MAX)]
    kind: ServiceKind
    weight_max_g: Quantity
    length_max_mm: Quantity
    currency: Currency


class ZoneRuleBody(ZoneRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From postal codes that begin so to postal codes that begin so is this zone; the longest beginnings win."""


class RateBody(Rate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A parcel up to this weight, this weight included, costs so much to this zone."""


class TransitBody(Transit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days on the road to this zone, from hand-over to the door."""


class RateCardBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a service charges and promises; each zone has rates and days."""

    zones: Annotated[list[ZoneRuleBody], msgspec.Meta(max_length=ZONES_MAX)]
    rates: Annotated[list[RateBody], msgspec.Meta(max_length=RATES_MAX)]
    transits: Annotated[list[TransitBody], msgspec.Meta(max_length=TRANSITS_MAX)]


@get("/api/shipping/carriers/{carrier_id:uuid}", guards=[requires("shipping.read")])
async def carrier(engine: NamedDependency[Engine], carrier_id: FromPath[UUID]) -> Response[Carrier]:
    """Answer with a carrier; its version is the ETag."""
    async with engine.connect() as db:
        found, version = await _carrier(db, carrier_id)
    return Response(found, headers={"etag": etag(version)})


@post("/api/shipping/carriers", guards=[requires("locations.write")], status_code=HTTPStatus.OK)
async def save_carrier(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[CarrierBody]
) -> Response[Carrier]:
    """Save a carrier by its code; one that is there keeps its id."""
    return await once(engine, request, lambda db: _save_carrier(db, request, caller, data, None))


@put("/api/shipping/carriers/{carrier_id:uuid}", guards=[requires("locations.write")])
async def put_carrier(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    carrier_id: FromPath[UUID],
    data: JSONBody[CarrierBody],
) -> Response[Carrier]:
    """Save a carrier under an id, its own or a new one; `If-Match` refuses what is based on an older version."""
    return await once(engine, request, lambda db: _save_carrier(db, request, caller, data, carrier_id))


@get("/api/shipping/services/{service_id:uuid}", guards=[requires("shipping.read")])
async def service(engine: NamedDependency[Engine], service_id: FromPath[UUID]) -> Response[Service]:
    """Answer with a service of a carrier; its version is the ETag."""
    async with engine.connect() as db:
        found, version = await _service(db, service_id)
    return Response(found, headers={"etag": etag(version)})


@post("/api/shipping/services", guards=[requires("locations.write")], status_code=HTTPStatus.OK)
async def save_service(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[ServiceBody]
) -> Response[Service]:
    """Save a service by its code; one that is there keeps its id. It takes no parcel until it has a rate card."""
    return await once(engine, request, lambda db: _save_service(db, request, caller, data, None))


@put("/api/shipping/services/{service_id:uuid}", guards=[requires("locations.write")])
async def put_service(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    service_id: FromPath[UUID],
    data: JSONBody[ServiceBody],
) -> Response[Service]:
    """Save a service under an id, its own or a new one; `If-Match` refuses what is based on an older version."""
    return await once(engine, request, lambda db: _save_service(db, request, caller, data, service_id))


@get(CARD, guards=[requires("shipping.read")])
async def rate_card(engine: NamedDependency[Engine], service_id: FromPath[UUID]) -> Response[RateCard]:
    """Answer with all that a service charges and promises; the version of the service is the ETag."""
    async with engine.connect() as db:
        _, version = await _service(db, service_id)
        found = (await rate_cards_of(db, [service_id]))[service_id]
    return Response(found, headers={"etag": etag(version)})


@put(CARD, guards=[requires("locations.write")])
async def put_rate_card(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    service_id: FromPath[UUID],
    data: JSONBody[RateCardBody],
) -> Response[RateCard]:
    """Replace the whole rate card of a service; `If-Match` refuses what is based on an older version.

    It holds at once for what is planned and promised; parcels keep what they were rated with.
    """
    check_unbound(caller)

    async def act(db: Connection) -> Answer[RateCard]:
        present, _ = await _service(db, service_id)
        check_version(request, await lock_service(db, code=present.code))
        given = msgspec.convert({"service_id": service_id, **msgspec.to_builtins(data)}, RateCard)
        saved = only(await set_rate_cards(db, cards=[given], now=moment(), actor=caller.actor))
        _, version = await _service(db, service_id)
        return Answer(saved, headers={"etag": etag(version)})

    return await once(engine, request, act)


async def _save_carrier(
    db: Connection, request: AnyRequest, caller: Caller, body: CarrierBody, wanted_id: UUID | None
) -> Answer[Carrier]:
    check_unbound(caller)
    check_version(request, await lock_carrier(db, code=body.code))
    given = Carrier(id=wanted_id or fresh_id(), **msgspec.structs.asdict(body))
    saved = only(await save_carriers(db, carriers=[given], now=moment(), actor=caller.actor))
    check_same_id(saved, wanted_id)
    _, version = await _carrier(db, saved.id)
    return Answer(saved, headers={"etag": etag(version)})


async def _save_service(
    db: Connection, request: AnyRequest, caller: Caller, body: ServiceBody, wanted_id: UUID | None
) -> Answer[Service]:
    check_unbound(caller)
    check_version(request, await lock_service(db, code=body.code))
    given = Service(id=wanted_id or fresh_id(), **msgspec.structs.asdict(body))
    saved = only(await save_services(db, services=[given], now=moment(), actor=caller.actor))
    check_same_id(saved, wanted_id)
    _, version = await _service(db, saved.id)
    return Answer(saved, headers={"etag": etag(version)})


async def _carrier(db: Connection, carrier_id: UUID) -> tuple[Carrier, int]:
    found = await carrier_with_version(db, carrier_id)
    if found is None:
        raise UnknownCarrier("there is no such carrier", carrier_id=str(carrier_id))
    return found


async def _service(db: Connection, service_id: UUID) -> tuple[Service, int]:
    found = await service_with_version(db, service_id)
    if found is None:
        raise UnknownService("there is no such service", service_id=str(service_id))
    return found


ROUTES = [carrier, save_carrier, put_carrier, service, save_service, put_service, rate_card, put_rate_card]
