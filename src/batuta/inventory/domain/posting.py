"""Posting: which movements the rows allow, each seeing what those before it did."""

from collections.abc import Mapping, Sequence

import msgspec

from batuta.inventory.domain.accounts import (
    KeyReused,
    Movement,
    NotEnoughStock,
    Recorded,
    StockKey,
    StockRefusal,
    TooMuchStock,
    key_at,
)
from batuta.kernel.quantities import QUANTITY_MAX


class Posting(msgspec.Struct, frozen=True):
    """What became of movements: an answer for each, in order, those that are new, and the rows they leave changed."""

    outcomes: list[Recorded | StockRefusal]
    accepted: list[Movement]
    changes: dict[StockKey, int]


def post(on_hand: Mapping[StockKey, int], known: Mapping[str, Movement], movements: Sequence[Movement]) -> Posting:
    """Decide movements in their order against the rows' units.

    known: movements already in the ledger under a key that is asked for again; those are answered, not repeated.
    """
    done = dict(known)
    changes: dict[StockKey, int] = {}
    outcomes: list[Recorded | StockRefusal] = []
    accepted = []
    for movement in movements:
        earlier = done.get(movement.key)
        if earlier is not None:
            outcomes.append(repeated(earlier, movement))
            continue
        refusal = _apply(on_hand, changes, movement)
        if refusal is None:
            done[movement.key] = movement
            accepted.append(movement)
        outcomes.append(refusal or Recorded(key=movement.key))
    return Posting(outcomes, accepted, {key: change for key, change in changes.items() if change})


def repeated(earlier: Movement, movement: Movement) -> Recorded | KeyReused:
    """The answer to a key that is already in the ledger."""
    if earlier.says_the_same_as(movement):
        return Recorded(key=movement.key)
    return KeyReused("this key already stands for another movement", key=movement.key)


def _apply(on_hand: Mapping[StockKey, int], changes: dict[StockKey, int], movement: Movement) -> StockRefusal | None:
    source = key_at(movement.sku_id, movement.source, movement.lot)
    target = key_at(movement.sku_id, movement.target, movement.lot)
    if source is not None:
        there = on_hand.get(source, 0) + changes.get(source, 0)
        if there < movement.quantity:
            return not_enough(source, movement.key, asked=movement.quantity, on_hand=there)
    if target is not None and on_hand.get(target, 0) + changes.get(target, 0) + movement.quantity > QUANTITY_MAX:
        return TooMuchStock("no location holds that many units", key=movement.key, quantity=movement.quantity)
    if source is not None:
        changes[source] = changes.get(source, 0) - movement.quantity
    if target is not None:
        changes[target] = changes.get(target, 0) + movement.quantity
    return None


def not_enough(at: StockKey, key: str, *, asked: int, on_hand: int) -> NotEnoughStock:
    return NotEnoughStock(
        f"{asked} units should leave, {on_hand} are on hand",
        key=key,
        sku_id=str(at.sku_id),
        location_id=str(at.location_id),
        condition=at.condition,
        lot=at.lot,
        asked=asked,
        on_hand=on_hand,
    )
