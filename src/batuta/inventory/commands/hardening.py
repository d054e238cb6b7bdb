"""From a cart's soft claims to an order's hard ones, and holding a cart's claims for longer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from batuta.inventory.commands.claiming import lock_claims, write_claims
from batuta.inventory.domain import Claim, ClaimKind, Extend, Extended, Harden, Hardened, grant_of
from batuta.plumbing.database import Connection


async def harden(db: Connection, *, holders: Sequence[Harden], now: datetime) -> list[Hardened]:
    """Make carts' claims their orders' for good. The units stay reserved throughout (RES-05).

    Lines whose claims had ended, or never were, are named in the answer; asking `reserve` for all of the order's
    lines then takes only what they miss (RES-06). The caller holds the cart.
    """
    claims = await lock_claims(db, {id_ for one in holders for id_ in (one.holder_id, one.new_holder_id)}, now=now)
    for one in holders:
        for claim in claims.of(one.holder_id):
            if _is_to_harden(claim, one, now):
                claims.change(
                    msgspec.structs.replace(
                        claim,
                        holder_id=one.new_holder_id,
                        line_id=one.line_ids[claim.line_id],
                        kind=ClaimKind.HARD,
                        expires_at=None,
                    )
                )
    await write_claims(db, claims)
    return [_answer(one, claims.of(one.new_holder_id)) for one in holders]


def _is_to_harden(claim: Claim, one: Harden, now: datetime) -> bool:
    return (
        claim.line_id in one.line_ids
        and claim.is_live(now)
        and (claim.kind is ClaimKind.SOFT or one.holder_id != one.new_holder_id)
    )


def _answer(one: Harden, claims: Sequence[Claim]) -> Hardened:
    wanted = set(one.line_ids.values())
    grants = [
        grant_of(claim)
        for claim in claims
        if claim.line_id in wanted and claim.kind is ClaimKind.HARD and (claim.held or claim.consumed)
    ]
    found = {grant.line_id for grant in grants}
    missing = [line_id for line_id, new_line_id in one.line_ids.items() if new_line_id not in found]
    return Hardened(holder_id=one.new_holder_id, grants=grants, missing=missing)


async def extend(db: Connection, *, holders: Sequence[Extend], now: datetime) -> list[Extended]:
    """Hold carts' claims for longer, within what their channel allows; what has ended stays ended (RES-03)."""
    claims = await lock_claims(db, {one.holder_id for one in holders}, now=now)
    for one in holders:
        for claim in claims.of(one.holder_id):
            later = _extended(claim, one) if claim.is_live(now) else claim
            if later != claim:
                claims.change(later)
    await write_claims(db, claims)
    return [
        _held(one.holder_id, [claim for claim in claims.of(one.holder_id) if claim.is_live(now)]) for one in holders
    ]


def _held(holder_id: UUID, live: Sequence[Claim]) -> Extended:
    ends = [claim.expires_at for claim in live if claim.expires_at]
    return Extended(holder_id=holder_id, units=sum(claim.held for claim in live), until_at=min(ends, default=None))


def _extended(claim: Claim, one: Extend) -> Claim:
    if claim.expires_at is None:
        return claim
    latest = claim.created_at + timedelta(minutes=one.minutes_max)
    return msgspec.structs.replace(claim, expires_at=max(claim.expires_at, min(one.until_at, latest)))
