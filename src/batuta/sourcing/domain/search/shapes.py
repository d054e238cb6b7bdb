"""All ways to take some of what an order wants, by number: the same for all orders that want as many of each."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]

_KEPT = 64


class Shape:
    """A *part* is so many of each thing wanted; parts are numbered, 0 is nothing, the last is everything.

    units: by part and thing. Whatever covers a part has one shipment that holds its first unit; `pieces` are the
    parts which that shipment can be, and `rests` what is left to others, for the parts in turn: those of part p
    are at `starts[p]` up to `starts[p + 1]`.
    """

    __slots__ = ("pieces", "rests", "starts", "units")

    def __init__(self, quantities: Sequence[int]) -> None:
        self.units = units_of(quantities)
        wholes, self.pieces = _pairs(quantities)
        self.rests: Indices = wholes - self.pieces
        self.starts: Indices = np.searchsorted(wholes, np.arange(len(self.units) + 1)).astype(np.intp)


@lru_cache(maxsize=_KEPT)
def shape_of(quantities: tuple[int, ...]) -> Shape:
    return Shape(quantities)


def units_of(quantities: Sequence[int]) -> npt.NDArray[np.int64]:
    parts = prod(count + 1 for count in quantities)
    return np.indices([count + 1 for count in quantities], dtype=np.int64).reshape(len(quantities), parts).T.copy()


def spread(combine: np.ufunc, of_things: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """By part and place, what the units of each thing come to: of each thing a table by units and place."""
    table, *others = of_things
    for other in others:
        table = combine(table[:, None, :], other[None, :, :]).reshape(-1, table.shape[1])
    return table


def pairs_in(quantities: Sequence[int]) -> int:
    """How many pairs of a part and a piece of it there are, without making them."""
    return prod((count + 1) * (count + 2) // 2 for count in quantities)


def _pairs(quantities: Sequence[int]) -> tuple[Indices, Indices]:
    """Every part with every piece of it that has its first unit, by part.

    Thing by thing from the last: more of a thing stands higher in the numbers of parts, and repeats the pairs that
    were there with as many of it in the piece as may be.
    """
    wholes = pieces = np.zeros(1, dtype=np.intp)
    first_wholes = first_pieces = np.zeros(0, dtype=np.intp)
    stride = 1
    for count in reversed(quantities):
        whole_of = [(np.repeat(wholes, whole + 1) + whole * stride) for whole in range(count + 1)]
        piece_of = [np.add.outer(pieces, np.arange(whole + 1) * stride).ravel() for whole in range(count + 1)]
        more = range(1, count + 1)
        first_of = [np.add.outer(pieces, np.arange(1, whole + 1) * stride).ravel() for whole in more]
        first_wholes = np.concatenate([first_wholes, *(np.repeat(wholes, whole) + whole * stride for whole in more)])
        first_pieces = np.concatenate([first_pieces, *first_of])
        wholes, pieces = np.concatenate(whole_of), np.concatenate(piece_of)
        stride *= count + 1
    return first_wholes, first_pieces
