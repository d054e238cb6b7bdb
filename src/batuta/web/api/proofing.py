"""The page behind the link of a buyer for whom something is made: look at the proof, and answer it (FUL-14)."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter

from batuta.catalog.domain import name_in
from batuta.company.queries import brands_by_id, channels_by_id
from batuta.fulfillment.commands import answer_proofs
from batuta.fulfillment.domain import AnswerProof, OtherProof, WorkOrder
from batuta.fulfillment.domain.proofs import BUYER, ProofState
from batuta.fulfillment.queries.proofs import shown_proof, work_of_link
from batuta.kernel.errors import BatutaError
from batuta.kernel.links import LinkHasEnded, UnknownLink
from batuta.kernel.states import IllegalMove
from batuta.locations.queries import locations_by_id
from batuta.ordering.queries import orders_by_id
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.web import AnyRequest, Caller, anyone, status_of
from batuta.plumbing.web.browsers import refuse_elsewhere
from batuta.plumbing.web.moments import moment
from batuta.web.api.frame import PAGE
from batuta.web.api.rerouting import link_is_over
from batuta.web.faces import SAFETY, draw, go_to, speech_for
from batuta.web.queries import line_names

Link = Annotated[str, PathParameter(min_length=1, max_length=100)]
NOTE_LENGTH_MAX = 500
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
POLICY = "content-security-policy"
# The proof lies where the shop keeps it, and is told nothing of this page but that a picture is wanted.
SHOWING_PICTURES = {
    POLICY: SAFETY[POLICY].replace("img-src 'self'", "img-src 'self' https:"),
    "referrer-policy": "no-referrer",
}
_OVER = (UnknownLink, LinkHasEnded)


@get("/proofs/{link:str}", guards=[anyone()], **PAGE)
async def look(request: AnyRequest, engine: NamedDependency[Engine], link: Link) -> Response[str]:
    """The proof that was sent last, to be answered; or what was answered."""
    return await _show(request, engine, link)


@post("/proofs/{link:str}", guards=[anyone()], status_code=303, **PAGE)
async def answer(request: AnyRequest, engine: NamedDependency[Engine], link: Link) -> Response[Any]:
    """Take the answer, and show it; where another proof was sent meanwhile, show that."""
    refuse_elsewhere(request)
    form, now = await request.form(), moment()
    is_approved = form.get("answer") == "approve"
    note = str(form.get("note") or "").replace("\x00", "").strip()[:NOTE_LENGTH_MAX]
    if not is_approved and not note:
        return await _show(request, engine, link, words="proof.say_what", status=400)
    try:
        async with engine.begin() as db:
            work = await work_of_link(db, link, now=now)
            seen = str(form.get("proof") or "")
            wish = AnswerProof(work_order_id=work.id, link=seen, is_approved=is_approved, note=note, actor=BUYER)
            (outcome,) = await answer_proofs(db, answers=[wish], now=now)
    except _OVER as refusal:
        return link_is_over(request, refusal)
    if isinstance(outcome, OtherProof | IllegalMove):
        return await _show(request, engine, link, words="proof.has_changed", status=status_of(outcome))
    if isinstance(outcome, BatutaError):
        raise outcome
    return go_to(f"/proofs/{link}")


async def _show(request: AnyRequest, engine: Engine, link: str, *, words: str = "", status: int = 200) -> Response[str]:
    now = moment()
    async with engine.connect() as db:
        try:
            work = await work_of_link(db, link, now=now)
        except _OVER as refusal:
            return link_is_over(request, refusal)
        return await _drawn(db, request, link, work, words=words, status=status)


async def _drawn(
    db: Connection, request: AnyRequest, link: str, work: WorkOrder, *, words: str, status: int
) -> Response[str]:
    shown = await shown_proof(db, work)
    order = (await orders_by_id(db, [work.order_id]))[work.order_id]
    channel = (await channels_by_id(db, [order.channel_id]))[order.channel_id]
    brand = (await brands_by_id(db, [channel.brand_id]))[channel.brand_id]
    place = (await locations_by_id(db, [work.location_id]))[work.location_id]
    buyer = Caller(id=work.id, actor=BUYER, permissions=frozenset(), locale=order.locale)
    speech = speech_for(request, buyer, ZoneInfo(place.time_zone))
    said = [
        (name_in(field.name, speech.language, field.code), shown.personalisation[field.code])
        for field in work.recipe.fields
        if field.code in shown.personalisation
    ]
    names = await line_names(db, order)
    return draw(
        request,
        "proof.html",
        speech,
        None,
        status=status,
        headers=SHOWING_PICTURES,
        shop=brand.name,
        link=link,
        number=shown.order_number,
        item=speech("order.times", count=speech.number(shown.quantity), name=names[work.line_id]),
        said=said,
        proof=shown.proof if shown.state is not ProofState.OVER else None,
        is_picture=bool(shown.proof) and (shown.proof or "").partition("?")[0].lower().endswith(PICTURES),
        note=shown.note,
        state=str(shown.state),
        title=speech(f"proof.title_{shown.state}"),
        lead=speech(f"proof.lead_{shown.state}"),
        problem=speech(words) if words else None,
        # The address of what a form has sent is no page; its language is chosen where the form came from.
        other_language_address=f"/language/{'en' if speech.language == 'es' else 'es'}?to=/proofs/{link}",
    )


ROUTES = [look, answer]
