"""Endpoints are made, changed, paused, tested and removed; their secrets change hands."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, delete, select, update

from batuta.company.queries import channels_by_id
from batuta.connectors.webhooks.domain import (
    ENDPOINT_MOVES,
    ENDPOINTS_MAX,
    SECRETS_MAX,
    Breaker,
    Endpoint,
    EndpointStatus,
    EndpointTerms,
    NothingListens,
    Secret,
    check_url,
)
from batuta.connectors.webhooks.events import EndpointSaved, EndpointTested, SecretRotated
from batuta.connectors.webhooks.queries import check_event_types, count_endpoints, endpoint_of, secrets_of
from batuta.connectors.webhooks.tables import breaker, endpoint, secret
from batuta.kernel.errors import NotFound, Refused
from batuta.kernel.states import move
from batuta.plumbing.database import Connection, Instant, Uuid, insert_rows
from batuta.plumbing.events import publish

_LOCK = select(endpoint.c.id).where(endpoint.c.id == bindparam("locked", type_=Uuid())).with_for_update()
_UNSIGN = delete(secret).where(secret.c.endpoint_id == bindparam("of", type_=Uuid()))
_EXPIRE = (
    update(secret)
    .where(secret.c.endpoint_id == bindparam("of", type_=Uuid()))
    .where(secret.c.expires_at.is_(None) | (secret.c.expires_at > bindparam("until_at", type_=Instant)))
    .values(expires_at=bindparam("until_at", type_=Instant))
)
_CLOSE = (
    update(breaker)
    .where(breaker.c.endpoint_id == bindparam("of", type_=Uuid()))
    .values({name: getattr(Breaker(), name) for name in Breaker.__struct_fields__ if name != "answered_at"})
)


class TooManyEndpoints(Refused):
    """There are as many endpoints as batuta serves."""


class TooManySecrets(Refused):
    """Several older secrets still sign; wait until one of them has expired."""


class UnknownChannel(NotFound):
    """The channel is not there."""


async def create_endpoint(
    db: Connection,
    *,
    id_: UUID,
    terms: EndpointTerms,
    secret_id: UUID,
    text: str,
    is_private_allowed: bool,
    actor: str,
    now: datetime,
) -> Endpoint:
    """Make an endpoint that hears what is told from now on. text: its first secret.

    Raises:
        BadUrl, AddressNotAllowed, UnknownEventType, UnknownChannel: the terms are not good. TooManyEndpoints.
    """
    await _check(db, terms, is_private_allowed=is_private_allowed)
    if await count_endpoints(db) >= ENDPOINTS_MAX:
        raise TooManyEndpoints("there are as many webhook endpoints as can be", endpoints_max=ENDPOINTS_MAX)
    state = {"status": EndpointStatus.ENABLED, "reason": "", "version": 1, "created_at": now, "updated_at": now}
    await insert_rows(db, endpoint, [{"id": id_, **_columns(terms), **state}])
    await insert_rows(db, breaker, [{"endpoint_id": id_, **msgspec.structs.asdict(Breaker())}])
    await _keep_secret(db, Secret(id=secret_id, endpoint_id=id_, secret=text, created_at=now))
    return await _told(db, id_, actor=actor, now=now)


async def change_endpoint(
    db: Connection, *, id_: UUID, terms: EndpointTerms, is_private_allowed: bool, actor: str, now: datetime
) -> Endpoint:
    """Give an endpoint other terms; what is pending goes by the new ones.

    Raises:
        UnknownEndpoint, and what `create_endpoint` raises.
    """
    present = await lock_endpoint(db, id_)
    await _check(db, terms, is_private_allowed=is_private_allowed)
    return await _write(db, present, _columns(terms), actor=actor, now=now)


async def move_endpoint(
    db: Connection, *, id_: UUID, to: EndpointStatus, reason: str, actor: str, now: datetime
) -> Endpoint:
    """Enable or pause an endpoint. Enabled, it is tried at once, however it fared before.

    Raises:
        UnknownEndpoint, IllegalMove.
    """
    present = await lock_endpoint(db, id_)
    status = move(ENDPOINT_MOVES, present.status, to)
    if status is EndpointStatus.ENABLED:
        await db.execute(_CLOSE, {"of": id_})
    if status is present.status:
        return await endpoint_of(db, id_)
    return await _write(db, present, {"status": status, "reason": reason}, actor=actor, now=now)


async def delete_endpoint(db: Connection, *, id_: UUID, actor: str, now: datetime) -> None:
    """Remove an endpoint: nothing more is sent, its secrets are forgotten, its log stays for a time.

    Raises:
        UnknownEndpoint.
    """
    present = await lock_endpoint(db, id_)
    await db.execute(_UNSIGN, {"of": id_})
    changed = {"status": EndpointStatus.DELETED, "version": present.version + 1, "updated_at": now}
    await db.execute(update(endpoint).where(endpoint.c.id == id_).values(changed))
    await publish(db, [_saved(present, version=present.version + 1, status="deleted", actor=actor, now=now)])


async def rotate_secret(
    db: Connection, *, id_: UUID, secret_id: UUID, text: str, overlap: timedelta, actor: str, now: datetime
) -> None:
    """Give an endpoint a new secret; those before it sign as well for `overlap`.

    Raises:
        UnknownEndpoint, TooManySecrets.
    """
    await lock_endpoint(db, id_)
    await db.execute(_EXPIRE, {"of": id_, "until_at": now + overlap})
    if len((await secrets_of(db, [id_], now=now))[id_]) >= SECRETS_MAX:
        raise TooManySecrets("older secrets of this endpoint still sign", secrets_max=SECRETS_MAX)
    await _keep_secret(db, Secret(id=secret_id, endpoint_id=id_, secret=text, created_at=now))
    await publish(db, [SecretRotated(stream=id_, happened_at=now, actor=actor, secret_id=secret_id)])


async def try_out(db: Connection, *, id_: UUID, actor: str, now: datetime) -> None:
    """Send the endpoint a message by which somebody can see that it arrives.

    Raises:
        UnknownEndpoint. NothingListens: it is not enabled.
    """
    present = await endpoint_of(db, id_)
    if present.status is not EndpointStatus.ENABLED:
        raise NothingListens("the endpoint is not enabled", status=str(present.status))
    await publish(db, [EndpointTested(stream=id_, happened_at=now, actor=actor, url=present.url)])


async def lock_endpoint(db: Connection, id_: UUID) -> Endpoint:
    """Lock an endpoint against other changes and return it.

    Raises:
        UnknownEndpoint.
    """
    await db.execute(_LOCK, {"locked": id_})
    return await endpoint_of(db, id_)


async def _check(db: Connection, terms: EndpointTerms, *, is_private_allowed: bool) -> None:
    check_url(terms.url, is_private_allowed=is_private_allowed)
    check_event_types(terms.event_types)
    if terms.channel_id and terms.channel_id not in await channels_by_id(db, [terms.channel_id]):
        raise UnknownChannel("there is no such channel", channel_id=str(terms.channel_id))


async def _write(db: Connection, present: Endpoint, changed: dict[str, Any], *, actor: str, now: datetime) -> Endpoint:
    values = {**changed, "version": present.version + 1, "updated_at": now}
    await db.execute(update(endpoint).where(endpoint.c.id == present.id).values(values))
    return await _told(db, present.id, actor=actor, now=now)


async def _told(db: Connection, id_: UUID, *, actor: str, now: datetime) -> Endpoint:
    saved = await endpoint_of(db, id_)
    await publish(db, [_saved(saved, version=saved.version, status=saved.status, actor=actor, now=now)])
    return saved


def _saved(one: Endpoint, *, version: int, status: str, actor: str, now: datetime) -> EndpointSaved:
    return EndpointSaved(stream=one.id, happened_at=now, actor=actor, version=version, url=one.url, status=status)


async def _keep_secret(db: Connection, one: Secret) -> None:
    await insert_rows(db, secret, [msgspec.structs.asdict(one)])


def _columns(terms: EndpointTerms) -> dict[str, Any]:
    columns = msgspec.structs.asdict(terms)
    return {**columns, "event_types": sorted(set(terms.event_types))}
