"""Laws of stored statuses."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import Refused
from batuta.kernel.states import IllegalMove, move


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    LOCKED = "locked"
    GONE = "gone"


DOOR_MOVES = {
    Door.OPEN: {Door.SHUT, Door.GONE},
    Door.SHUT: {Door.OPEN, Door.LOCKED},
    Door.LOCKED: {Door.SHUT},
    Door.GONE: set[Door](),
}

doors = st.sampled_from(Door)


@given(present=doors, wanted=doors)
def test_a_status_moves_only_where_the_table_leads_or_stays(present: Door, wanted: Door) -> None:
    """ORD-03: an illegal transition tells the allowed ones."""
    if wanted == present or wanted in DOOR_MOVES[present]:
        assert move(DOOR_MOVES, present, wanted) is wanted
    else:
        with pytest.raises(IllegalMove) as refusal:
            move(DOOR_MOVES, present, wanted)
        assert refusal.value.facts == {
            "present": str(present),
            "wanted": str(wanted),
            "allowed": sorted(DOOR_MOVES[present]),
        }


def test_an_illegal_move_is_a_business_refusal_with_a_stable_code() -> None:
    assert issubclass(IllegalMove, Refused)
    assert IllegalMove.code == "illegal_move"


@given(wanted=doors)
def test_no_way_leads_out_of_a_last_status(wanted: Door) -> None:
    if wanted is Door.GONE:
        assert move(DOOR_MOVES, Door.GONE, wanted) is Door.GONE
    else:
        with pytest.raises(IllegalMove, match="gone cannot become"):
            move(DOOR_MOVES, Door.GONE, wanted)
