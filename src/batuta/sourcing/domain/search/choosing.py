"""The cheapest placement of all units over the candidates, split by line and by unit where that pays.

Most orders are small enough for tables of all their parts (`grid`, `covering`); what is larger is searched step by step
(`branching`). Either answers the cheapest there is, or, when it had to give up, the best it saw and the greedy plan,
whichever is cheaper, and says so.
"""

from collections.abc import Mapping, Sequence

from batuta.sourcing.domain.search.board import Board
from batuta.sourcing.domain.search.branching import Branching
from batuta.sourcing.domain.search.candidates import Candidate, Choice, Demand, Terms
from batuta.sourcing.domain.search.covering import Cover, OutOfCells, Relaxed, relaxed_of
from batuta.sourcing.domain.search.greedy import Placed, greedy
from batuta.sourcing.domain.search.grid import Grid, grid_of
from batuta.sourcing.domain.search.tariffs import NEVER

_CELLS_A_STEP = 1_000


def choose(demands: Sequence[Demand], candidates: Sequence[Candidate], terms: Terms) -> Choice | None:
    """The cheapest choice, or None when the candidates together do not have, or may not share, all units.

    The same facts in any order give the same choice.
    """
    return choose_on(Board(demands, candidates, terms))


def choose_on(board: Board) -> Choice | None:
    """`choose`, on a board that the caller keeps to price alternatives."""
    for j, demand in enumerate(board.demands):
        if sum(place.stock[j] for place in board.places) < demand.quantity:
            return None
    if len(board.places) == 1:
        only = {0: [demand.quantity for demand in board.demands]}
        return board.choice_of(only, is_greedy=False) if board.key_of(only) is not None else None

    known = greedy(board)
    cells_max = board.terms.steps_max
    grid = grid_of(board, known, cells_max=cells_max)
    relaxed = relaxed_of(grid) if grid else None
    if grid is None or relaxed is None:
        better, is_exact = _branched(board, known)
    else:
        known = grid.known
        better, is_exact = _walked(grid, relaxed) if grid.places else ({}, True)
    placed = better or known
    return board.choice_of(placed, is_greedy=not is_exact) if placed else None


def _walked(grid: Grid, relaxed: Relaxed) -> tuple[Placed, bool]:
    """A plan better than the one known, if there is one; and whether all were seen."""
    board, cover, is_exact = grid.board, Cover(grid, relaxed, grid.keys, grid.least_units), True
    key = board.key_of(grid.known) if grid.known else None
    try:
        cover.walk(below=NEVER if key is None else key - board.base, cells_max=board.terms.steps_max)
    except OutOfCells:
        is_exact = False
    return {grid.places[i]: grid.units[part].tolist() for i, part in cover.best.items()}, is_exact


def _branched(board: Board, known: Placed | None) -> tuple[Mapping[int, Sequence[int]], bool]:
    search = Branching(board, known, steps_max=board.terms.steps_max // _CELLS_A_STEP)
    is_exact = search.run()
    return search.best, is_exact
