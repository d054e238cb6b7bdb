"""Complete snapshots: what they do not name does not lie at the locations that they name."""

import msgspec

from batuta.inventory.domain import Condition
from batuta.inventory.domain.feeds import (
    FeedLine,
    MessageKind,
    NeverComplete,
    Part,
    TooManyAtOnce,
    content_of,
    place_in,
)
from batuta.inventory.queries.feeds import feeds_by_code, filled_rows
from batuta.plumbing.database import Connection


async def completed(db: Connection, part: Part) -> Part:
    """The part of a complete snapshot with lines that count none of what is there and not named; others as they are.

    Sellable units are meant, and those in conditions that it names. What comes between this look and the count is
    added to it like all that came after its cut.

    Raises:
        NeverComplete: it is no snapshot.
    """
    if not part.is_complete:
        return part
    if part.telling.kind is not MessageKind.SNAPSHOT:
        raise NeverComplete("only a snapshot says all that lies at a location", kind=part.telling.kind)
    speaker = (await feeds_by_code(db, [part.feed_code])).get(part.feed_code)
    lines = [row for row in part.content.rows if isinstance(row, FeedLine)]
    conditions = {Condition.SELLABLE.value, *(line.condition.value for line in lines)}
    there = await filled_rows(db, {line.location_code for line in lines}, conditions)
    unnamed = [
        line
        for location_id, line in there
        if (part.location_ids is None or location_id in part.location_ids)
        and (speaker is None or speaker.speaks_of(location_id))
    ]
    return msgspec.structs.replace(part, content=content_of([*part.content.rows, *_unnamed(part, lines, unnamed)]))


def check_size(part: Part) -> None:
    """Refuse a message that comes to too many lines to be taken at once.

    Raises:
        TooManyAtOnce.
    """
    lines = len(part.content.rows)
    if lines > part.count:
        raise TooManyAtOnce("so many lines are taken as a file", lines=lines, lines_max=part.count)


def _unnamed(part: Part, named: list[FeedLine], there: list[FeedLine]) -> list[FeedLine]:
    """Of the rows in which units lie, those of which no line speaks; without a lot a line speaks of all of them."""
    told_apart = part.content.told_apart
    places = {place_in(line) for line in named}
    rows = {(place_in(line), line.lot) for line in named}
    absent = {}
    for line in there:
        place = place_in(line)
        if place not in places:
            absent[place, ""] = msgspec.structs.replace(line, lot="")
        elif place in told_apart and (place, line.lot) not in rows:
            absent[place, line.lot] = line
    return list(absent.values())
