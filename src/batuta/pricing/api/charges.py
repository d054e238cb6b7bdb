"""Setting what channels ask for shipping."""

from hashlib import blake2b
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from batuta.company.domain import Channel, UnknownChannel
from batuta.company.queries import channels_by_id
from batuta.kernel.outcomes import whole
from batuta.kernel.quantities import AmountMinor, Code
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, check_version, etag, once, requires
from batuta.plumbing.web.moments import moment
from batuta.plumbing.web.scopes import check_everywhere
from batuta.pricing.commands import forget_shipping_charges, lock_shipping_charges, save_shipping_charges
from batuta.pricing.domain import ShippingCharge
from batuta.pricing.queries import shipping_charges_of

OF_SERVICE = "/api/channels/{channel_id:uuid}/shipping-charges/{service_kind:str}"
TIERS_MAX = 50

Kind = Annotated[
    str,
    PathParameter(
        pattern="^(standard|express|courier|pickup|one_hour|same_day|next_day|weekend)$",
        description="What the buyer chooses, as `standard`",
    ),
]


class TierBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shipping costs of goods up to an amount, that amount included; no amount means any.

    tax_category: null taxes the charge as the goods are taxed, in proportion.
    """

    charge_minor: AmountMinor
    up_to_amount_minor: AmountMinor | None = None
    tax_category: Code | None = None


class ChargesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the channel asks for the service, in its currency."""

    tiers: Annotated[list[TierBody], msgspec.Meta(min_length=1, max_length=TIERS_MAX)]


class ChargesOfService(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel asks for a service, the least amount of goods first; nothing if it does not sell it."""

    charges: list[ShippingCharge]


@get(OF_SERVICE, guards=[requires("pricing.read")])
async def charges_of_service(
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    channel_id: FromPath[UUID],
    service_kind: Kind,
) -> Response[ChargesOfService]:
    """Answer with what a channel asks for a service; what is set now is the ETag."""
    async with engine.connect() as db:
        found = await _charges(db, await _channel(db, caller, channel_id), service_kind)
    return Response(ChargesOfService(charges=found), headers={"etag": etag(_version(found))})


@put(OF_SERVICE, guards=[requires("pricing.manage")])
async def put_charges(  # noqa: PLR0917 - the parts of the request
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    channel_id: FromPath[UUID],
    service_kind: Kind,
    data: JSONBody[ChargesBody],
) -> Response[ChargesOfService]:
    """Set all that a channel asks for a service; `If-Match` refuses what is based on something else than is set now."""
    check_everywhere(caller)

    async def act(db: Connection) -> Answer[ChargesOfService]:
        channel = await _channel(db, caller, channel_id)
        await lock_shipping_charges(db)
        check_version(request, _version(await _charges(db, channel, service_kind)))
        given = [
            ShippingCharge(
                channel_id=channel_id,
                service_kind=service_kind,
                currency=channel.currency,
                charge_minor=tier.charge_minor,
                up_to_amount_minor=tier.up_to_amount_minor,
                tax_category=tier.tax_category,
            )
            for tier in data.tiers
        ]
        whole(await save_shipping_charges(db, shipping_charges=given, now=moment(), actor=caller.actor))
        found = await _charges(db, channel, service_kind)
        return Answer(ChargesOfService(charges=found), headers={"etag": etag(_version(found))})

    return await once(engine, request, act)


@delete(OF_SERVICE, guards=[requires("pricing.manage")])
async def delete_charges(
    request: AnyRequest,
    engine: NamedDependency[Engine],
    caller: NamedDependency[Caller],
    channel_id: FromPath[UUID],
    service_kind: Kind,
) -> Response[None]:
    """Let a channel no longer sell a service; orders that chose it keep it."""
    check_everywhere(caller)

    async def act(db: Connection) -> Answer[None]:
        channel = await _channel(db, caller, channel_id)
        services = [(channel_id, service_kind, channel.currency)]
        await forget_shipping_charges(db, services=services, now=moment(), actor=caller.actor)
        return Answer(None)

    return await once(engine, request, act)


async def _channel(db: Connection, caller: Caller, channel_id: UUID) -> Channel:
    found = (await channels_by_id(db, [channel_id])).get(channel_id)
    if found is None or not caller.sees_channel(channel_id):
        raise UnknownChannel("there is no such channel", channel_id=str(channel_id))
    return found


async def _charges(db: Connection, channel: Channel, service_kind: str) -> list[ShippingCharge]:
    every = (await shipping_charges_of(db, [channel.id]))[channel.id]
    return [one for one in every if (one.service_kind, one.currency) == (service_kind, channel.currency)]


def _version(charges: list[ShippingCharge]) -> int:
    """What is set, as a number: charges have no row of their own that could count. 0 for none."""
    return int.from_bytes(blake2b(msgspec.json.encode(charges), digest_size=7).digest()) if charges else 0


ROUTES = [charges_of_service, put_charges, delete_charges]
