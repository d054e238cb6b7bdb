"""Coarse promises for product pages: public, and to be kept."""

from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Engine
from batuta.plumbing.web import AnyRequest, anyone
from batuta.plumbing.web.moments import moment
from batuta.sourcing.queries import Glance, glance

CodeAsked = Annotated[str, QueryParameter(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Country = Annotated[str, QueryParameter(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
PostalCode = Annotated[str, QueryParameter(max_length=20, pattern=r"^[^\x00]*$")]
SkuAsked = Annotated[str, PathParameter(min_length=1, max_length=100)]


@get("/api/products/{sku:str}/promise", guards=[anyone()])
async def read_glance(  # noqa: PLR0917 - the parameters of the address
    request: AnyRequest,
    engine: NamedDependency[Engine],
    sku: SkuAsked,
    channel_code: CodeAsked,
    country: Country,
    postal_code: PostalCode,
) -> Response[Glance]:
    """Say on a product page when one unit would be there, give or take the told tolerance; checkout is exact.

    Public, and to be kept until the hour is over; `If-None-Match` answers 304 while nothing changed.
    """
    now = moment()
    async with engine.connect() as db:
        found = await glance(
            db, sku_code=sku, channel_code=channel_code, country=country, postal_code=postal_code, now=now
        )
    if isinstance(found, BatutaError):
        raise found
    seconds = max(0, int((found.good_until_at - now).total_seconds()))
    tag = f'W/"{blake2b(msgspec.json.encode(found), digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": f"public, max-age={seconds}"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)  # type: ignore[arg-type]
    return Response(found, headers=headers)


ROUTES = [read_glance]
