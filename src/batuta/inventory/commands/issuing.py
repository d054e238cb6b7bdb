"""Handing out claimed units: the claim is consumed and the units leave, in one step."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.freezing import frozen
from batuta.inventory.commands.moving import insert_movements
from batuta.inventory.commands.rows import LockedRows, sellable, write_rows
from batuta.inventory.commands.shelves import Shelf, look_at_lots
from batuta.inventory.domain import (
    Account,
    Claim,
    ClaimKind,
    Condition,
    Issue,
    Issued,
    KeyReused,
    Movement,
    NotClaimed,
    StockKey,
    StockRefusal,
    lessen,
    not_enough,
)
from batuta.inventory.queries import movements_by_key
from batuta.plumbing.database import Connection


async def issue(db: Connection, *, issues: Sequence[Issue], now: datetime) -> list[Issued | StockRefusal]:
    """Consume hard claims and move their units to a parcel or a customer; each whole, or why not.

    The units may be of another lot than was claimed, if those of it are promised to nobody else; the claim ends all
    the same. The same key again is answered, not repeated.
    """
    rows = await lock_rows_now(db, {sellable(one.sku_id, one.location_id) for one in issues}, now=now)
    known = await movements_by_key(db, [one.key for one in issues])
    claims = await lock_claims(db, {one.holder_id for one in issues if one.key not in known}, now=now)
    shelf = await look_at_lots(db, rows, [one for one in issues if one.lot is not None], now=now)
    still = await frozen(db, [one for one in issues if one.key not in known])
    movements: list[Movement] = []
    outcomes: list[Issued | StockRefusal] = []
    for one in issues:
        if one.key in known:
            outcomes.append(_repeated(one, known[one.key]))
            continue
        parts = _parts(one, claims)
        refusal = still.get(one.key) or _refusal(one, parts, rows, shelf)
        if refusal:
            outcomes.append(refusal)
            continue
        moved = _issue(one, parts, claims, rows, shelf)
        known[one.key] = moved[0]
        movements += moved
        outcomes.append(Issued(key=one.key, lots=tuple((part.lot, part.quantity) for part in moved if part.lot)))
    await write_rows(db, rows)
    await write_claims(db, claims)
    await insert_movements(db, movements, now=now)
    return outcomes


def _repeated(one: Issue, earlier: Movement) -> Issued | KeyReused:
    same = _movement(one, earlier.lot, earlier.quantity, part=0)
    if earlier.says_the_same_as(same) and earlier.quantity <= one.quantity:
        return Issued(key=one.key)
    return KeyReused("this key already stands for another movement", key=one.key)


def _parts(one: Issue, claims: LockedClaims) -> list[tuple[Claim, int]]:
    """Which hard claims are used up, those of the lot first, then the oldest; fewer units if so many are not held."""
    parts = []
    missing = one.quantity
    held = claims.of(one.holder_id, one.line_id)
    for claim in sorted(held, key=lambda claim: claim.lot != one.lot) if one.lot is not None else held:
        if (claim.sku_id, claim.location_id, claim.kind) == (one.sku_id, one.location_id, ClaimKind.HARD):
            units = min(claim.held, missing)
            missing -= units
            if units:
                parts.append((claim, units))
    return parts


def _refusal(one: Issue, parts: Sequence[tuple[Claim, int]], rows: LockedRows, shelf: Shelf) -> StockRefusal | None:
    held = sum(units for _, units in parts)
    if held < one.quantity:
        return NotClaimed(
            "the line holds fewer units there than should be handed out",
            key=one.key,
            holder_id=str(one.holder_id),
            line_id=str(one.line_id),
            sku_id=str(one.sku_id),
            location_id=str(one.location_id),
            asked=one.quantity,
            held=held,
        )
    if one.lot is not None:
        swapped = sum(units for claim, units in parts if claim.lot != one.lot)
        return shelf.refuse(one, swapped=swapped, rows=rows)
    leaving: dict[StockKey, int] = defaultdict(int)
    for claim, units in parts:
        leaving[claim.row] += units
    for row, units in leaving.items():
        if rows.on_hand(row) < units:
            return not_enough(row, one.key, asked=units, on_hand=rows.on_hand(row))
    return None


def _issue(
    one: Issue, parts: Sequence[tuple[Claim, int]], claims: LockedClaims, rows: LockedRows, shelf: Shelf
) -> list[Movement]:
    for claim, units in parts:
        taken = claim.row if one.lot is None else claim.row._replace(lot=one.lot)
        rows.change(claim.row, claimed=-units)
        rows.change(taken, moved=-units)
        if taken != claim.row:
            shelf.swap(taken, claim.row, units)
        claims.change(lessen(claim, consumed=units))
    if one.lot is not None:
        return [_movement(one, one.lot, one.quantity, part=0)]
    return [_movement(one, claim.lot, units, part=i) for i, (claim, units) in enumerate(parts)]


def _movement(one: Issue, lot: str, units: int, *, part: int) -> Movement:
    """The first part bears the issue's own key, by which a repetition is known."""
    return Movement(
        key=one.key if not part else f"{one.key}/{part}",
        sku_id=one.sku_id,
        quantity=units,
        source=Account.location(one.location_id, Condition.SELLABLE),
        target=one.target,
        lot=lot,
        reason=one.reason,
        document_id=one.document_id,
        actor=one.actor,
        effective_at=one.effective_at,
    )
