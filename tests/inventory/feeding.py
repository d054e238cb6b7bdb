"""Feeds to test with: who speaks of a place, and what they say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from batuta.catalog.queries import skus_by_id
from batuta.inventory.commands.feeding import hear
from batuta.inventory.commands.feeds import save_feeds
from batuta.inventory.domain import Condition
from batuta.inventory.domain.feeds import (
    Counts,
    Feed,
    FeedAnswer,
    FeedKind,
    FeedLine,
    MessageKind,
    Part,
    RowAnswer,
    Telling,
    content_of,
)
from batuta.kernel.errors import BatutaError
from batuta.locations.queries import locations_by_id
from batuta.plumbing.database import Connection
from tests.making import NOW, fresh_code, fresh_id

SNAPSHOT, DELTA, HEARTBEAT = MessageKind.SNAPSHOT, MessageKind.DELTA, MessageKind.HEARTBEAT


async def given_feed(db: Connection, *location_ids: UUID, now: datetime = NOW, **more: Any) -> Feed:
    """A warehouse that speaks of the locations."""
    one = Feed(id=fresh_id(), code=fresh_code("feed"), kind=FeedKind.WMS, location_ids=sorted(location_ids), **more)
    (saved,) = await save_feeds(db, feeds=[one], actor="test:ana", now=now)
    assert isinstance(saved, Feed), saved
    return saved


async def line(
    db: Connection, sku_id: UUID, location_id: UUID, quantity: int, *, lot: str = "", **more: Any
) -> FeedLine:
    """A line by codes, as senders know them."""
    sku = (await skus_by_id(db, [sku_id]))[sku_id]
    place = (await locations_by_id(db, [location_id]))[location_id]
    return FeedLine(sku_code=sku.code, location_code=place.code, quantity=quantity, lot=lot, **more)


def message(
    feed: Feed,
    sequence: int | None,
    lines: Sequence[FeedLine],
    *,
    kind: MessageKind = SNAPSHOT,
    cut_at: datetime = NOW,
    counts: Counts = Counts.ON_HAND,
    **more: Any,
) -> Part:
    said = msgspec.json.encode((kind, cut_at, counts, lines))
    return Part(
        feed_code=feed.code,
        telling=Telling(sequence=sequence, kind=kind, counts=counts, cut_at=cut_at, digest=said[:200] + said[-200:]),
        content=content_of(lines),
        **{"actor": "key:wms", **more},
    )


async def heard(db: Connection, part: Part, *, now: datetime = NOW) -> FeedAnswer:
    (answer,) = await hear(db, parts=[part], now=now)
    assert isinstance(answer, FeedAnswer), answer
    return answer


async def refused(db: Connection, part: Part, *, now: datetime = NOW) -> BatutaError:
    (answer,) = await hear(db, parts=[part], now=now)
    assert isinstance(answer, BatutaError), answer
    return answer


def only_row(answer: FeedAnswer) -> RowAnswer:
    (row,) = answer.rows
    return row


DAMAGED = Condition.DAMAGED
