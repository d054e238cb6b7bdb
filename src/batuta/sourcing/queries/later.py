"""When locations that are full now have room again, so that promises may count on it (PRM-02, SRC-10)."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.locations.domain import Location, next_open
from batuta.plumbing.database import Connection
from batuta.sourcing.domain import Known, Method
from batuta.sourcing.domain.capacity import NO_WORK, Capacity, Work, windows_at
from batuta.sourcing.domain.holds import Window, counted_in
from batuta.sourcing.queries.capacity import loads_between

DAYS_AHEAD = 14
WINDOWS_MAX = 200
A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """What locations were given of the days ahead."""

    locations: Mapping[UUID, Location]
    given: Mapping[Window, Work]

    def moments(self, method: Method, work: Work, now: datetime) -> list[datetime]:
        """When one of the locations has room for the work, for the first time; in order."""
        found = {self._first(one, method, work, now) for one in self.locations.values()}
        return sorted(at for at in found if at is not None)

    def known_at(self, moment: datetime, known: Known) -> tuple[Known, dict[UUID, datetime]]:
        """The facts with the capacity of a moment, and when locations that are full before that begin."""
        capacity, begins = dict(known.capacity), {}
        for id_, one in self.locations.items():
            begins_at = next_open(one, moment)
            if begins_at is not None:
                capacity[id_], begins[id_] = self._capacity(one, begins_at), begins_at
        return msgspec.structs.replace(known, capacity=capacity), begins

    def _first(self, location: Location, method: Method, work: Work, now: datetime) -> datetime | None:
        for at in _openings(location, now):
            if self._capacity(location, at).full_for(method, work) is None:
                return at
        return None

    def _capacity(self, location: Location, at: datetime) -> Capacity:
        windows = windows_at(location, at)
        given = {
            (one.per, one.method): self.given.get(one, NO_WORK)
            for method in Method
            for one in counted_in(location.id, windows, method)
        }
        return Capacity(location, windows, given)


async def later(db: Connection, locations: Collection[Location], *, now: datetime) -> Later:
    """What locations were given from now on; one statement."""
    ids = [one.id for one in locations]
    until_at = now + A_DAY * (DAYS_AHEAD + 2)
    given = await loads_between(db, ids, from_at=now - 2 * A_DAY, until_at=until_at, now=now)
    return Later(locations={one.id: one for one in locations}, given=given)


def _openings(location: Location, now: datetime) -> Iterator[datetime]:
    """Each hour in which it works after this one, and this one, within the days ahead."""
    at: datetime | None = next_open(location, now)
    for _ in range(WINDOWS_MAX):
        if at is None or at > now + A_DAY * DAYS_AHEAD:
            return
        yield at
        at = next_open(location, windows_at(location, at).hour_at + AN_HOUR)
