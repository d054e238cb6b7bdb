"""Handing out claimed units: the claim is consumed and the units leave, in one step."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from batuta.inventory.commands.claiming import LockedClaims, lock_claims, write_claims
from batuta.inventory.commands.expiring import lock_rows_now
from batuta.inventory.commands.freezing import frozen
from batuta.inventory.commands.moving import insert_movements
from batuta.inventory.commands.rows import LockedRows, sellable, write_rows
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

    The same key again is answered, not repeated.
    """
    rows = await lock_rows_now(db, {sellable(one.sku_id, one.location_id) for one in issues}, now=now)
    known = await movements_by_key(db, [one.key for one in issues])
    claims = await lock_claims(db, {one.holder_id for one in issues if one.key not in known}, now=now)
    still = await frozen(db, [one for one in issues if one.key not in known])
    movements: list[Movement] = []
    outcomes: list[Issued | StockRefusal] = []
    for one in issues:
        if one.key in known:
            outcomes.append(_repeated(one, known[one.key]))
            continue
        parts = _parts(one, claims)
        refusal = still.get(one.key) or _refusal(one, parts, rows)
        outcomes.append(refusal or Issued(key=one.key))
        if not refusal:
            moved = _issue(one, parts, claims, rows)
            known[one.key] = moved[0]
            movements += moved
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
    """From which hard claims the units come, oldest first; fewer than asked for if so many are not held."""
    parts = []
    missing = one.quantity
    for claim in claims.of(one.holder_id, one.line_id):
        if (claim.sku_id, claim.location_id, claim.kind) == (one.sku_id, one.location_id, ClaimKind.HARD):
            units = min(claim.held, missing)
            missing -= units
            if units:
                parts.append((claim, units))
    return parts


def _refusal(one: Issue, parts: Sequence[tuple[Claim, int]], rows: LockedRows) -> StockRefusal | None:
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
    leaving: dict[StockKey, int] = defaultdict(int)
    for claim, units in parts:
        leaving[claim.row] += units
    for row, units in leaving.items():
        if rows.on_hand(row) < units:
            return not_enough(row, one.key, asked=units, on_hand=rows.on_hand(row))
    return None


def _issue(one: Issue, parts: Sequence[tuple[Claim, int]], claims: LockedClaims, rows: LockedRows) -> list[Movement]:
    for claim, units in parts:
        rows.change(claim.row, moved=-units, claimed=-units)
        claims.change(lessen(claim, consumed=units))
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
