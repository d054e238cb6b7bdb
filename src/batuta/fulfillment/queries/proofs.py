"""The work that a buyer's link is about, and its proof as they see it."""

from datetime import datetime

from batuta.fulfillment.domain import MarkKind, WorkOrder
from batuta.fulfillment.domain.proofs import LINK, ShownProof, proof_state_of
from batuta.fulfillment.queries.work_orders import work_orders_by_id
from batuta.kernel.links import UnknownLink, read_link
from batuta.ordering.queries import lines_by_id
from batuta.plumbing.database import Connection
from batuta.sourcing.queries import promise_secret


async def work_of_link(db: Connection, link: str, *, now: datetime) -> WorkOrder:
    """The work order whose proof a link shows.

    Raises:
        UnknownLink, LinkHasEnded.
    """
    id_ = read_link(LINK, link, secret=await promise_secret(db), now=now)
    found = (await work_orders_by_id(db, [id_])).get(id_)
    if found is None:
        raise UnknownLink("this is no link of ours")
    return found


async def shown_proof(db: Connection, work: WorkOrder) -> ShownProof:
    """A proof as its buyer sees it."""
    line = (await lines_by_id(db, [work.line_id]))[work.line_id]
    sent = next((mark for mark in reversed(work.marks) if mark.kind is MarkKind.PROOF_SENT), None)
    return ShownProof(
        order_number=work.order_number,
        item=line.name,
        quantity=work.quantity,
        personalisation=work.personalisation,
        state=proof_state_of(work),
        proof=sent.link if sent else None,
        note=sent.note if sent else "",
    )
