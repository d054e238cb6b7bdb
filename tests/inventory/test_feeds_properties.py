"""Laws of reconciling, for anything that may happen around a count (INV-09)."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from batuta.inventory.domain import StockKey
from batuta.inventory.domain.feeds import STEPS_BP, Counts, Feed, FeedKind, silence_at
from batuta.inventory.domain.reconciling import Count, Level, Since, covered, reconcile, rows_at

PLACE = (UUID(int=1), UUID(int=2), "sellable")
ROW = StockKey(*PLACE, "")
START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

happenings = st.lists(
    st.tuples(st.sampled_from(["receive", "lose", "claim", "pack", "pack_newest"]), st.integers(1, 5)), max_size=25
)


class World(msgspec.Struct):
    """A naive shop with one row: what lies there, and claims by the moment at which they were made."""

    on_hand: int = 0
    moved: int = 0
    issued: int = 0
    held: dict[int, int] = {}
    consumed: dict[int, int] = {}

    def live(self, verb: str, units: int, moment: int, *, is_after: bool) -> None:
        free = self.on_hand - sum(self.held.values())
        change = 0
        if verb == "receive":
            change = units
        elif verb == "lose":
            change = -min(units, self.on_hand)
        elif verb == "claim" and free >= units:
            self.held[moment] = units
            self.consumed[moment] = 0
        elif verb.startswith("pack") and any(self.held.values()):
            open_claims = [made for made, held in self.held.items() if held]
            made = open_claims[-1] if verb == "pack_newest" else open_claims[0]
            taken = min(units, self.held[made], self.on_hand)
            self.held[made] -= taken
            self.consumed[made] += taken
            change = -taken
            self.issued += taken if is_after else 0
        self.on_hand += change
        self.moved += change if is_after else 0


def played(events: list[tuple[str, int]], cut: int) -> tuple[World, int, int]:
    """The world at the end, and what somebody would have counted at the cut: in all, and free of claims."""
    world = World(held={}, consumed={})
    counted = free = 0
    for moment, (verb, units) in enumerate([*events, ("nothing", 0)]):
        if moment == cut:
            counted = world.on_hand
            free = counted - sum(world.held.values())
        world.live(verb, units, moment, is_after=moment >= cut)
    return world, counted, free


@given(happenings, st.data())
def test_a_true_count_of_any_earlier_moment_changes_nothing(events: list[tuple[str, int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(events)))
    world, counted, free = played(events, cut)
    level = Level(world.on_hand, sum(world.held.values()))
    since = Since(
        moved=world.moved,
        issued=world.issued,
        held=sum(units for made, units in world.held.items() if made >= cut),
        consumed=sum(units for made, units in world.consumed.items() if made >= cut),
    )

    all_units = reconcile(Count(PLACE, "", counted), [ROW], {ROW: level}, {ROW: since}, Counts.ON_HAND)
    assert all_units.difference == 0
    if free >= 0:
        free_units = reconcile(Count(PLACE, "", free), [ROW], {ROW: level}, {ROW: since}, Counts.AVAILABLE)
        assert free_units.difference == 0


@given(happenings, st.integers(-10, 10), st.data())
def test_what_a_count_finds_more_or_fewer_is_the_difference(
    events: list[tuple[str, int]], error: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    world, counted, _ = played(events, cut)
    told = max(0, counted + error)
    level = Level(world.on_hand, sum(world.held.values()))

    finding = reconcile(Count(PLACE, "", told), [ROW], {ROW: level}, {ROW: Since(moved=world.moved)}, Counts.ON_HAND)

    assert finding.target == max(0, world.on_hand + told - counted)
    assert sum(finding.shares.values()) == finding.difference


lots = st.dictionaries(
    st.sampled_from(["", "A", "B", "C"]),
    st.integers(0, 9).flatmap(lambda on_hand: st.builds(Level, st.just(on_hand), st.integers(0, 9))),
    max_size=4,
)


@given(lots, st.integers(0, 40))
def test_units_counted_in_all_are_shared_without_taking_more_than_there_is(levels: dict[str, Level], told: int) -> None:
    rows = {StockKey(*PLACE, lot): level for lot, level in levels.items()}
    count = Count(PLACE, "", told)
    keys = covered(count, rows_at(rows), told_apart=False)

    finding = reconcile(count, keys, rows, {}, Counts.ON_HAND)

    after: dict[StockKey, int] = defaultdict(int, {key: row.on_hand for key, row in rows.items()})
    for key, units in finding.shares.items():
        after[key] += units
    assert sum(after.values()) == told
    assert min(after.values(), default=0) >= 0
    short = sum(max(0, row.reserved - row.on_hand) for row in rows.values())
    newly_short = sum(max(0, rows[key].reserved - units) for key, units in after.items() if key in rows) - short
    spare = sum(max(0, row.on_hand - row.reserved) for row in rows.values())
    if finding.difference < 0:
        assert newly_short == max(0, -finding.difference - spare)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 2_000))
def test_silence_grows_in_steps_and_its_next_step_is_the_moment_it_changes(
    silent: int, more: int, minutes: int
) -> None:
    """INV-11"""
    feed = Feed(
        id=UUID(int=3),
        code="wms",
        kind=FeedKind.WMS,
        location_ids=[UUID(int=2)],
        silent_after_minutes=silent,
        gone_after_minutes=silent + more,
        watched_from_at=START,
    )
    now = START + minutes * MINUTE

    share_bp, due_at = silence_at(feed, now=now)

    assert (share_bp == 0) == (minutes < silent)
    assert (share_bp == STEPS_BP[-1]) == (minutes >= silent + more) == (due_at is None)
    if due_at:
        assert due_at > now
        assert silence_at(feed, now=due_at)[0] > share_bp
        assert silence_at(feed, now=due_at - timedelta(microseconds=1))[0] == share_bp
