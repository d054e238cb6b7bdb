"""Plans that were made before, looked at again when they are to be carried out."""

from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.candidates import Choice, Placement


def as_preset(board: Board, preset: Placement | None) -> Choice | None:
    """The plan as it was decided before; None when there is none, or it cannot be sent any more."""
    placed = board.placed_of(preset) if preset else None
    if not placed or len(placed) > board.places_max or board.key_of(placed) is None:
        return None
    sent = [sum(units) for units in zip(*placed.values(), strict=True)]
    if sent != [demand.quantity for demand in board.demands]:
        return None
    is_there = all(
        units <= there for i, part in placed.items() for units, there in zip(part, board.places[i].stock, strict=True)
    )
    return board.choice_of(placed, is_greedy=False) if is_there else None
