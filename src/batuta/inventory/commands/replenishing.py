"""Replenishment: proposals are made, by a person or by time, and become transfers (INV-03)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, update

from batuta.inventory.commands.transfers import approve_transfers, request_transfers
from batuta.inventory.domain.replenishing import (
    PROPOSAL_LINES_MAX,
    PROPOSAL_MOVES,
    Decide,
    MoreThanProposed,
    NothingNeeded,
    Proposal,
    ProposalLine,
    ProposalStatus,
    Propose,
    Schedule,
    UnknownProposal,
    Want,
    share,
    wanted,
)
from batuta.inventory.domain.transfers import ApproveTransfer, RequestTransfer, TransferKind, TransferUnits
from batuta.inventory.queries.replenishing import Store, proposals_by_id, spare_of, stores_of
from batuta.inventory.tables.replenishing import (
    proposal,
    proposal_line,
    replenishment_schedule,
)
from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import child_id
from batuta.kernel.outcomes import each, good
from batuta.kernel.states import move
from batuta.plumbing.database import (
    Connection,
    Instant,
    Integer,
    SavedMeanwhile,
    Text,
    arrays,
    insert_new,
    insert_rows,
    params,
    upsert_rows,
)

SWEPT_BY = "system:inventory"


async def propose(db: Connection, *, wishes: Sequence[Propose], now: datetime) -> list[Proposal | NothingNeeded]:
    """Propose what centers should send to the stores they fill; the proposal before, if nobody decided it, is replaced.

    Nothing is claimed by that; a center is never asked for more than it can spare.
    """
    known = await proposals_by_id(db, [one.id for one in wishes])
    outcomes: dict[UUID, Proposal | NothingNeeded] = dict(known)
    for one in sorted(wishes, key=lambda one: one.source_location_id):
        if one.id not in outcomes:
            outcomes[one.id] = await _propose(db, one, now=now)
    return [outcomes[one.id] for one in wishes]


_replace = (
    update(proposal)
    .where(
        proposal.c.source_location_id == bindparam("of", type_=Uuid()),
        proposal.c.status == ProposalStatus.PROPOSED.value,
    )
    .values(
        status=ProposalStatus.REPLACED.value,
        decided_by=bindparam("by", type_=Text()),
        decided_at=bindparam("now", type_=Instant),
    )
)


async def _propose(db: Connection, one: Propose, *, now: datetime) -> Proposal | NothingNeeded:
    stores = await stores_of(db, one.source_location_id, now=now)
    spare = await spare_of(db, one.source_location_id, {store.rule.sku_id for store in stores}, now=now)
    lines = _lines(one, stores, spare)
    if not any(line.units for line in lines):
        return NothingNeeded(
            "no store lacks anything that can be spared",
            source_location_id=str(one.source_location_id),
            lacking=len(lines),
        )
    made = Proposal(
        id=one.id,
        source_location_id=one.source_location_id,
        status=ProposalStatus.PROPOSED,
        actor=one.actor,
        created_at=now,
        decided_by=None,
        decided_at=None,
        lines=lines,
    )
    await db.execute(_replace, {"of": one.source_location_id, "by": one.actor, "now": now})
    row = msgspec.structs.asdict(made)
    del row["lines"]
    if not await insert_new(db, proposal, [row], returning=("id",)):
        raise SavedMeanwhile("somebody else is proposing for the same center at this moment")
    await insert_rows(db, proposal_line, [msgspec.structs.asdict(line) for line in lines])
    return made


def _lines(one: Propose, stores: Sequence[Store], spare: Mapping[UUID, int]) -> list[ProposalLine]:
    """What stores below their least want, and what they get; the emptiest first where there are too many."""
    by_sku: dict[UUID, list[ProposalLine]] = defaultdict(list)
    for store in stores:
        least, most = store.rule.least(store.units_per_day), store.rule.most(store.units_per_day)
        units = wanted(store.position, least=least, most=most, case_size=store.rule.case_size)
        if units:
            by_sku[store.rule.sku_id].append(
                ProposalLine(
                    id=child_id(one.id, store.rule.sku_id, store.rule.location_id),
                    proposal_id=one.id,
                    sku_id=store.rule.sku_id,
                    location_id=store.rule.location_id,
                    position=store.position,
                    min_units=least,
                    max_units=most,
                    case_size=store.rule.case_size,
                    wanted=units,
                    units=0,
                )
            )
    lines = []
    for sku_id, lacking in by_sku.items():
        ordered = sorted(lacking, key=lambda line: line.location_id)
        given = share(spare[sku_id], [_want(line, line.wanted) for line in ordered])
        lines += [msgspec.structs.replace(line, units=units) for line, units in zip(ordered, given, strict=True)]
    emptiest = sorted(lines, key=lambda line: (line.position / max(1, line.max_units), line.location_id, line.sku_id))
    return sorted(emptiest[:PROPOSAL_LINES_MAX], key=lambda line: (line.location_id, line.sku_id))


def _want(line: ProposalLine, units: int) -> Want:
    return Want(position=line.position, most=line.max_units, case_size=line.case_size, units=units)


_ids = bindparam("ids", type_=ARRAY(Uuid(), dimensions=1))
_lock = select(proposal.c.id).where(proposal.c.id == any_(_ids)).order_by(proposal.c.id).with_for_update()


async def approve_proposals(
    db: Connection, *, approvals: Sequence[Decide], now: datetime
) -> list[Proposal | BatutaError]:
    """Make approved transfers of proposals, one to each store.

    What the center can no longer spare since is shared anew: it keeps its own least, whatever was proposed.
    """
    found = await _locked(db, {one.proposal_id for one in approvals})
    outcomes: list[Proposal | BatutaError] = []
    for one in approvals:
        try:
            async with db.savepoint():
                outcomes.append(await _approve(db, found, one, now=now))
            found[one.proposal_id] = outcomes[-1]  # type: ignore[assignment]
        except BatutaError as problem:
            outcomes.append(problem)
    return outcomes


async def reject_proposals(
    db: Connection, *, rejections: Sequence[Decide], now: datetime
) -> list[Proposal | BatutaError]:
    """Send nothing of what was proposed."""
    found = await _locked(db, {one.proposal_id for one in rejections})

    def reject(one: Decide) -> Proposal:
        made = _decided(_found(found, one), ProposalStatus.REJECTED, actor=one.actor, now=now)
        found[made.id] = made
        return made

    outcomes = each(rejections, reject)
    await _write(db, list({made.id: made for made in good(outcomes)}.values()))
    return outcomes


async def _locked(db: Connection, ids: set[UUID]) -> dict[UUID, Proposal]:
    await db.execute(_lock, {"ids": list(ids)})
    return await proposals_by_id(db, ids)


def _found(found: Mapping[UUID, Proposal], one: Decide) -> Proposal:
    if one.proposal_id not in found:
        raise UnknownProposal("there is no such proposal", proposal_id=str(one.proposal_id))
    return found[one.proposal_id]


def _decided(found: Proposal, status: ProposalStatus, *, actor: str, now: datetime) -> Proposal:
    """Raises:
    IllegalMove: it was decided otherwise.
    """
    if move(PROPOSAL_MOVES, found.status, status) is found.status:
        return found
    return msgspec.structs.replace(found, status=status, decided_by=actor, decided_at=now)


async def _approve(db: Connection, known: Mapping[UUID, Proposal], one: Decide, *, now: datetime) -> Proposal:
    found = _found(known, one)
    decided = _decided(found, ProposalStatus.APPROVED, actor=one.actor, now=now)
    if decided is found:
        return found
    agreed = _agreed(found, one)
    spare = await spare_of(db, found.source_location_id, {line.sku_id for line in found.lines}, now=now)
    lines = []
    for sku_id in {line.sku_id for line in found.lines}:
        of_sku = [line for line in found.lines if line.sku_id == sku_id]
        given = share(spare[sku_id], [_want(line, agreed[line.id]) for line in of_sku])
        lines += [msgspec.structs.replace(line, approved=units) for line, units in zip(of_sku, given, strict=True)]
    if not any(line.approved for line in lines):
        raise NothingNeeded("nothing of it can be spared any more", source_location_id=str(found.source_location_id))
    made = msgspec.structs.replace(decided, lines=sorted(lines, key=lambda line: (line.location_id, line.sku_id)))
    await _send(db, made, actor=one.actor, now=now)
    await _write(db, [made])
    await db.execute(
        _write_lines,
        params("line", id=[line.id for line in made.lines], approved=[line.approved for line in made.lines]),
    )
    return made


def _agreed(found: Proposal, one: Decide) -> dict[UUID, int]:
    agreed = {line.id: line.units for line in found.lines}
    for line_id, units in one.quantities.items():
        if line_id not in agreed:
            raise UnknownProposal("the proposal has no such line", line_id=str(line_id))
        if units > agreed[line_id]:
            raise MoreThanProposed(
                "fewer units are proposed", line_id=str(line_id), asked=units, units_max=agreed[line_id]
            )
        agreed[line_id] = units
    return agreed


async def _send(db: Connection, made: Proposal, *, actor: str, now: datetime) -> None:
    """Raises:
    BatutaError: a transfer is refused.
    """
    by_store: dict[UUID, list[TransferUnits]] = defaultdict(list)
    for line in made.lines:
        if line.approved:
            by_store[line.location_id].append(TransferUnits(sku_id=line.sku_id, quantity=line.approved))
    requests = [
        RequestTransfer(
            id=child_id(made.id, location_id),
            source_location_id=made.source_location_id,
            target_location_id=location_id,
            lines=units,
            kind=TransferKind.REPLENISHMENT,
            note=str(made.id),
            actor=actor,
        )
        for location_id, units in sorted(by_store.items())
    ]
    approvals = [ApproveTransfer(transfer_id=one.id, actor=actor) for one in requests]
    for outcome in [
        *await request_transfers(db, requests=requests, now=now),
        *await approve_transfers(db, approvals=approvals, now=now),
    ]:
        if isinstance(outcome, BatutaError):
            raise outcome


_given = arrays("proposal", id=Uuid(), status=Text(), decided_by=Text(), decided_at=Instant)
_write_proposals = (
    update(proposal)
    .where(proposal.c.id == _given.c.id)
    .values({column.name: column for column in _given.c if column.name != "id"})
)
_approved = arrays("line", id=Uuid(), approved=Integer())
_write_lines = update(proposal_line).where(proposal_line.c.id == _approved.c.id).values(approved=_approved.c.approved)


async def _write(db: Connection, decided: Sequence[Proposal]) -> None:
    if decided:
        await db.execute(
            _write_proposals,
            params(
                "proposal",
                id=[one.id for one in decided],
                status=[one.status.value for one in decided],
                decided_by=[one.decided_by for one in decided],
                decided_at=[one.decided_at for one in decided],
            ),
        )


_due = (
    select(replenishment_schedule)
    .where(replenishment_schedule.c.next_at <= bindparam("now", type_=Instant))
    .order_by(replenishment_schedule.c.source_location_id)
    .limit(bindparam("limit", type_=Integer()))
    .with_for_update(skip_locked=True)
)


async def replenish_due(db: Connection, *, now: datetime, limit: int) -> int:
    """Propose for the centers whose time has come, and approve where no person is asked; return for how many.

    A sweep. A time that was missed is made up for once.
    """
    due = [msgspec.convert(dict(row), Schedule) for row in await db.execute(_due, {"now": now, "limit": limit})]
    wishes = [
        Propose(
            id=child_id(one.source_location_id, "proposal", now),
            source_location_id=one.source_location_id,
            actor=SWEPT_BY,
        )
        for one in due
    ]
    made = await propose(db, wishes=wishes, now=now)
    approvals = [
        Decide(proposal_id=outcome.id, actor=SWEPT_BY)
        for one, outcome in zip(due, made, strict=True)
        if one.is_automatic and isinstance(outcome, Proposal)
    ]
    await approve_proposals(db, approvals=approvals, now=now)
    rows = [msgspec.structs.asdict(msgspec.structs.replace(one, next_at=_next(one, now))) for one in due]
    await upsert_rows(db, replenishment_schedule, rows, key=["source_location_id"])
    return len(due)


def _next(one: Schedule, now: datetime) -> datetime:
    every = timedelta(minutes=one.every_minutes)
    return one.next_at + ((now - one.next_at) // every + 1) * every
