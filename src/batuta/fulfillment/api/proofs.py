"""The link of a buyer for whom something is made: the proof of it, and the answer (FUL-14)."""

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from batuta.fulfillment.api.making import AnswerBody
from batuta.fulfillment.commands import answer_proofs
from batuta.fulfillment.domain import AnswerProof
from batuta.fulfillment.domain.proofs import BUYER, ShownProof
from batuta.fulfillment.queries.proofs import shown_proof, work_of_link
from batuta.kernel.outcomes import only
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import Answer, AnyRequest, Caller, anyone, once
from batuta.plumbing.web.callers import become
from batuta.plumbing.web.moments import moment

Link = Annotated[str, PathParameter(min_length=1, max_length=100)]


@get("/api/proofs/{link:str}", guards=[anyone()])
async def read_proof(engine: NamedDependency[Engine], link: Link) -> Response[ShownProof]:
    """The proof of what is made for a buyer, and whether it still has to be answered."""
    async with engine.connect() as db:
        shown = await shown_proof(db, await work_of_link(db, link, now=moment()))
    return Response(shown, headers={"cache-control": "no-store"})


@post("/api/proofs/{link:str}", guards=[anyone()], status_code=200)
async def answer_proof_by_link(
    request: AnyRequest, engine: NamedDependency[Engine], link: Link, data: JSONBody[AnswerBody]
) -> Response[ShownProof]:
    """Say that it may be made as the proof shows it, or what shall be otherwise."""
    now = moment()
    async with engine.connect() as db:
        work = await work_of_link(db, link, now=now)
    # What is asked by a link is kept under it: another link is answered for itself.
    become(request, Caller(id=work.id, actor=BUYER, permissions=frozenset()))
    wish = AnswerProof(
        work_order_id=work.id, link=data.proof, is_approved=data.answer == "approve", note=data.note, actor=BUYER
    )

    async def act(db: Connection) -> Answer[ShownProof]:
        return Answer(await shown_proof(db, only(await answer_proofs(db, answers=[wish], now=now))))

    return await once(engine, request, act)


ROUTES = [read_proof, answer_proof_by_link]
