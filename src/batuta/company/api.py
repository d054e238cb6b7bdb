"""Legal entities, brands and channels with their policies: to read, and to set."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from batuta.company.commands import (
    lock_brand,
    lock_channel,
    lock_legal_entity,
    save_brands,
    save_channels,
    save_legal_entities,
)
from batuta.company.domain import (
    Brand,
    Channel,
    ChannelKind,
    LegalEntity,
    Policies,
    TaxMode,
    UnknownBrand,
    UnknownChannel,
    UnknownLegalEntity,
    WrittenPolicies,
)
from batuta.company.queries import (
    brand_with_version,
    channel_with_version,
    channels_by_code,
    legal_entity_with_version,
    list_brands,
    list_channels,
    list_legal_entities,
)
from batuta.kernel.codes import check_same_id
from batuta.kernel.errors import Forbidden, NotFound
from batuta.kernel.outcomes import only
from batuta.kernel.quantities import Code, Prose, Text
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import (
    LIMIT_USUAL,
    Answer,
    AnyRequest,
    Caller,
    Cursor,
    Limit,
    Page,
    check_version,
    etag,
    once,
    page_of,
    read_code,
    requires,
)
from batuta.plumbing.web.moments import fresh_id, moment
from batuta.plumbing.web.scopes import check_everywhere, check_unbound

Thing = TypeVar("Thing", LegalEntity, Brand, Channel)
WithVersion = Callable[[Connection, UUID], Awaitable[tuple[Thing, int] | None]]

Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]


class NotYourChannel(Forbidden):
    """Who is bound to certain channels saves none but these."""


class LegalEntityBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal entity as it shall be.

    tax_number: checked as its country writes it; empty when it has none. gs1_prefix: the GS1 company prefix from which
    parcels' numbers are made; empty when it has none.
    """

    code: Code
    name: Text
    country: Country
    currency: Currency
    time_zone: Code
    tax_number: Prose = ""
    gs1_prefix: Annotated[str, msgspec.Meta(pattern="^([0-9]{4,12})?$")] = ""


class BrandBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A brand as it shall be. legal_entity_id: whose it is."""

    code: Code
    name: Text
    legal_entity_id: UUID


class ChannelBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel as it shall be; it keeps its currency and tax mode for ever.

    locale: the language of its messages. tax_mode: whether its listed prices have the tax in them. policies: those
    that are not said have their defaults.
    """

    code: Code
    name: Text
    brand_id: UUID
    kind: ChannelKind
    currency: Currency
    country: Country
    locale: Literal["es", "en"]
    tax_mode: TaxMode
    policies: WrittenPolicies = WrittenPolicies()


@get("/api/channels", guards=[requires("catalog.read")])
async def channels(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    cursor: Cursor = None,
    limit: Limit = LIMIT_USUAL,
) -> Page[Channel]:
    """List the channels that the caller may see, in the order of their codes."""
    async with engine.connect() as db:
        found = await list_channels(db, ids=caller.channel_ids, behind=read_code(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/channels/{channel_id:uuid}", guards=[requires("catalog.read")])
async def channel(
    engine: NamedDependency[Engine], caller: NamedDependency[Caller], channel_id: FromPath[UUID]
) -> Response[Channel]:
    """Answer with a channel and its policies; its version is the ETag."""
    missing = UnknownChannel("there is no such channel", channel_id=str(channel_id))
    if not caller.sees_channel(channel_id):
        raise missing
    return await _shown(engine, channel_with_version, channel_id, missing)


@post("/api/channels", guards=[requires("company.manage")], status_code=HTTPStatus.OK)
async def save_channel(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[ChannelBody],
) -> Response[Channel]:
    """Save a channel with its policies by its code; one that is there keeps its id."""
    return await once(engine, request, lambda db: _save_channel(db, request, caller, data, None))


@put("/api/channels/{channel_id:uuid}", guards=[requires("company.manage")])
async def put_channel(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    channel_id: FromPath[UUID],
    data: JSONBody[ChannelBody],
) -> Response[Channel]:
    """Save a channel under an id, its own or a new one; `If-Match` refuses what is based on an older version.

    Its policies hold at once.
    """
    return await once(engine, request, lambda db: _save_channel(db, request, caller, data, channel_id))


@get("/api/brands", guards=[requires("catalog.read")])
async def brands(engine: NamedDependency[Engine], cursor: Cursor = None, limit: Limit = LIMIT_USUAL) -> Page[Brand]:
    """List brands in the order of their codes."""
    async with engine.connect() as db:
        found = await list_brands(db, behind=read_code(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/brands/{brand_id:uuid}", guards=[requires("catalog.read")])
async def brand(engine: NamedDependency[Engine], brand_id: FromPath[UUID]) -> Response[Brand]:
    """Answer with a brand; its version is the ETag."""
    missing = UnknownBrand("there is no such brand", brand_id=str(brand_id))
    return await _shown(engine, brand_with_version, brand_id, missing)


@post("/api/brands", guards=[requires("company.manage")], status_code=HTTPStatus.OK)
async def save_brand(
    request: AnyRequest, engine: NamedDependency[Engine], caller: NamedDependency[Caller], data: JSONBody[BrandBody]
) -> Response[Brand]:
    """Save a brand by its code; one that is there keeps its id."""
    return await once(engine, request, lambda db: _save_brand(db, request, caller, data, None))


@put("/api/brands/{brand_id:uuid}", guards=[requires("company.manage")])
async def put_brand(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    brand_id: FromPath[UUID],
    data: JSONBody[BrandBody],
) -> Response[Brand]:
    """Save a brand under an id, its own or a new one; `If-Match` refuses what is based on an older version."""
    return await once(engine, request, lambda db: _save_brand(db, request, caller, data, brand_id))


@get("/api/legal-entities", guards=[requires("locations.read")])
async def legal_entities(
    engine: NamedDependency[Engine], cursor: Cursor = None, limit: Limit = LIMIT_USUAL
) -> Page[LegalEntity]:
    """List those who owe the tax and own the stock, in the order of their codes."""
    async with engine.connect() as db:
        found = await list_legal_entities(db, behind=read_code(cursor), limit=limit + 1)
    return page_of(found, limit=limit, key=lambda one: (one.code,))


@get("/api/legal-entities/{legal_entity_id:uuid}", guards=[requires("locations.read")])
async def legal_entity(engine: NamedDependency[Engine], legal_entity_id: FromPath[UUID]) -> Response[LegalEntity]:
    """Answer with a legal entity; its version is the ETag."""
    missing = UnknownLegalEntity("there is no such legal entity", legal_entity_id=str(legal_entity_id))
    return await _shown(engine, legal_entity_with_version, legal_entity_id, missing)


@post("/api/legal-entities", guards=[requires("company.manage")], status_code=HTTPStatus.OK)
async def save_legal_entity(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    data: JSONBody[LegalEntityBody],
) -> Response[LegalEntity]:
    """Save a legal entity by its code; one that is there keeps its id."""
    return await once(engine, request, lambda db: _save_legal_entity(db, request, caller, data, None))


@put("/api/legal-entities/{legal_entity_id:uuid}", guards=[requires("company.manage")])
async def put_legal_entity(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    legal_entity_id: FromPath[UUID],
    data: JSONBody[LegalEntityBody],
) -> Response[LegalEntity]:
    """Save a legal entity under an id, its own or a new one; `If-Match` refuses what is based on an older version."""
    return await once(engine, request, lambda db: _save_legal_entity(db, request, caller, data, legal_entity_id))


async def _save_channel(
    db: Connection, request: AnyRequest, caller: Caller, body: ChannelBody, wanted_id: UUID | None
) -> Answer[Channel]:
    check_everywhere(caller)
    version = await lock_channel(db, code=body.code)
    present = (await channels_by_code(db, [body.code])).get(body.code)
    if caller.channel_ids is not None and (present is None or present.id not in caller.channel_ids):
        raise NotYourChannel("you see certain channels, and this is none of them", code=body.code)
    check_version(request, version)
    said = msgspec.structs.asdict(body) | {"policies": Policies(**msgspec.structs.asdict(body.policies))}
    given = Channel(id=wanted_id or fresh_id(), **said)
    saved = only(await save_channels(db, channels=[given], now=moment(), actor=caller.actor))
    return await _saved(db, channel_with_version, saved, wanted_id)


async def _save_brand(
    db: Connection, request: AnyRequest, caller: Caller, body: BrandBody, wanted_id: UUID | None
) -> Answer[Brand]:
    check_unbound(caller)
    check_version(request, await lock_brand(db, code=body.code))
    given = Brand(id=wanted_id or fresh_id(), **msgspec.structs.asdict(body))
    saved = only(await save_brands(db, brands=[given], now=moment(), actor=caller.actor))
    return await _saved(db, brand_with_version, saved, wanted_id)


async def _save_legal_entity(
    db: Connection, request: AnyRequest, caller: Caller, body: LegalEntityBody, wanted_id: UUID | None
) -> Answer[LegalEntity]:
    check_unbound(caller)
    check_version(request, await lock_legal_entity(db, code=body.code))
    given = LegalEntity(id=wanted_id or fresh_id(), **msgspec.structs.asdict(body))
    saved = only(await save_legal_entities(db, legal_entities=[given], now=moment(), actor=caller.actor))
    return await _saved(db, legal_entity_with_version, saved, wanted_id)


async def _saved(
    db: Connection, with_version: WithVersion[Thing], saved: Thing, wanted_id: UUID | None
) -> Answer[Thing]:
    check_same_id(saved, wanted_id)
    found = await with_version(db, saved.id)
    return Answer(saved, headers={"etag": etag(found[1] if found else 0)})


async def _shown(engine: Engine, with_version: WithVersion[Thing], id_: UUID, missing: NotFound) -> Response[Thing]:
    async with engine.connect() as db:
        found = await with_version(db, id_)
    if found is None:
        raise missing
    return Response(found[0], headers={"etag": etag(found[1])})


ROUTES = [
    channels,
    channel,
    save_channel,
    put_channel,
    brands,
    brand,
    save_brand,
    put_brand,
    legal_entities,
    legal_entity,
    save_legal_entity,
    put_legal_entity,
]
