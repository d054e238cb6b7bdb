"""What carriers sell, and what it costs from here to there."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from batuta.kernel.quantities import QUANTITY_MAX
from batuta.plumbing.database import Engine
from batuta.plumbing.web import requires
from batuta.plumbing.web.moments import fresh_id
from batuta.shipping.domain import Carrier, NotServed, Rated, RateRequest, Service, ServiceKind
from batuta.shipping.queries import carriers, rates, services

CountryCode = Annotated[str, QueryParameter(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
PostalCode = Annotated[str, QueryParameter(max_length=20)]
Weight = Annotated[int, QueryParameter(ge=1, le=QUANTITY_MAX, description="of the parcel, in grams")]
Kind = Annotated[ServiceKind | None, QueryParameter(description="Only services of this kind")]
Length = Annotated[int, QueryParameter(ge=0, le=QUANTITY_MAX, description="of its longest side; 0 is not known")]


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What each carrier sells."""

    carriers: list[Carrier]
    services: list[Service]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The services that take the parcel, the cheapest first."""

    items: list[Rated]


@get("/api/shipping/services", guards=[requires("shipping.read")])
async def sold_services(engine: NamedDependency[Engine]) -> Services:
    """Carriers and their services."""
    async with engine.connect() as db:
        return Services(carriers=await carriers(db), services=await services(db))


@get("/api/shipping/rates", guards=[requires("shipping.read")], opt={"also_answers": [409]})
async def rated_services(
    *,
    engine: NamedDependency[Engine],
    origin_country: CountryCode,
    origin_postal_code: PostalCode,
    destination_country: CountryCode,
    destination_postal_code: PostalCode,
    weight_g: Weight,
    length_mm: Length = 0,
    service_kind: Kind = None,
) -> Rates:
    """What every service asks for a parcel from there to here, and how many days it takes; refused where none does."""
    wish = RateRequest(
        id=fresh_id(),
        origin_country=origin_country,
        origin_postal_code=origin_postal_code,
        destination_country=destination_country,
        destination_postal_code=destination_postal_code,
        weight_g=weight_g,
        length_mm=length_mm,
        service_kind=service_kind,
    )
    async with engine.connect() as db:
        found = (await rates(db, requests=[wish]))[wish.id]
    if isinstance(found, NotServed):
        raise found
    return Rates(items=found)
