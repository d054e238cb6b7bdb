"""The page behind the link of a buyer for whom something is made (FUL-14)."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from batuta.company.domain import Policies
from batuta.fulfillment.api import ROUTES
from batuta.fulfillment.commands import send_proofs
from batuta.fulfillment.domain import SendProof, WorkStatus
from batuta.fulfillment.domain.proofs import proof_link_of
from batuta.notifications.queries import messages_of
from batuta.plumbing.database import Engine
from batuta.sourcing.queries import promise_secret
from tests.asking import House, problem
from tests.identity.given import browser
from tests.journeys.journey import SELLER, Journey
from tests.journeys.test_made_to_order import PROOF, RECIPE, Workshop, opened
from tests.making import fresh_id
from tests.web.reading import ACCEPTS, read, send
from tests.world import build_carrier, build_shop

PAGE = "https://shop.example/proofs/"
OTHER = "https://proofs.example/ana-2.pdf"


@pytest.fixture
async def workshop(engine: Engine) -> Workshop:
    """Of today, for links end by the clock of who opens them."""
    policies = Policies(label_format="zpl", proof_url=PAGE)

    async def open_shop(stock: Mapping[str, Mapping[str, int]]) -> Journey:
        async with engine.begin() as db:
            shop = await build_shop(db, stock=stock, policies=policies)
            await build_carrier(db)
        journey = Journey(engine, shop)
        journey.now = datetime.now(UTC) - timedelta(minutes=1)
        return journey

    return await opened(open_shop, RECIPE)


@pytest.fixture
async def buyer(shell: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(shell) as client:
        client.headers.update(ACCEPTS)
        yield client


async def shown(workshop: Workshop, proof: str = PROOF, order_id: UUID | None = None) -> tuple[UUID, str]:
    """An order whose buyer was sent a proof, and the link in the message."""
    journey = workshop.journey
    if order_id is None:
        order_id = await workshop.buy()
        await workshop.accept(order_id)
    work = await workshop.work(order_id)
    sent = SendProof(work_order_id=work.id, link=proof, note="Mira la tipografía", actor=SELLER)
    await journey.do(send_proofs, proofs=[sent])
    async with journey.engine.connect() as db:
        told = [one for one in (await messages_of(db, [order_id]))[order_id] if one.template == "proof"]
    (address,) = [word for word in told[-1].body.split() if word.startswith(PAGE)]
    return order_id, address.removeprefix(PAGE)


async def status(workshop: Workshop, order_id: UUID) -> WorkStatus:
    return (await workshop.work(order_id)).status


async def test_a_buyer_says_yes_to_a_proof_by_the_link_of_the_message(
    workshop: Workshop, buyer: httpx.AsyncClient
) -> None:
    """FUL-14: no account, no script."""
    order_id, link = await shown(workshop)

    page = await read(buyer, f"/proofs/{link}")
    assert "¿Lo quieres así?" in page.words
    assert "Grabado: Para Eva" in page.words
    assert "Mira la tipografía" in page.words
    assert PROOF in [one.get("src") for tag, one in page.tags if tag == "img"]
    sent = await send(buyer, f"/proofs/{link}", page, answer="approve", note="")

    assert (sent.status_code, sent.headers["location"]) == (303, f"/proofs/{link}")
    assert await status(workshop, order_id) is WorkStatus.OPEN
    assert "Nos has dicho que sí" in (await read(buyer, f"/proofs/{link}")).words
    again = await send(buyer, f"/proofs/{link}", page, answer="approve", note="")
    assert again.status_code == 303
    late = await send(buyer, f"/proofs/{link}", page, answer="change", note="Otra letra")
    assert late.status_code == 409


async def test_a_buyer_asks_for_changes_and_is_shown_another_proof_by_the_same_link(
    workshop: Workshop, buyer: httpx.AsyncClient
) -> None:
    """FUL-14: what shall be otherwise has to be said, and an answer is one to the proof that was seen."""
    order_id, link = await shown(workshop)
    page = await read(buyer, f"/proofs/{link}")

    silent = await send(buyer, f"/proofs/{link}", page, answer="change", note="  ")
    assert (silent.status_code, "Di qué debemos cambiar" in silent.text) == (400, True)
    sent = await send(buyer, f"/proofs/{link}", page, answer="change", note="Otra letra\nmás grande")
    assert sent.status_code == 303
    assert (await workshop.work(order_id)).marks[-1].note == "Otra letra\nmás grande"
    assert "Lo cambiamos" in (await read(buyer, f"/proofs/{link}")).words

    await shown(workshop, OTHER, order_id)
    stale = await send(buyer, f"/proofs/{link}", page, answer="approve", note="")
    assert (stale.status_code, "Hay novedades" in stale.text) == (409, True)
    fresh = await read(buyer, f"/proofs/{link}")
    assert fresh.fields["proof"] == OTHER
    assert [one for tag, one in fresh.tags if tag == "img"] == []
    await send(buyer, f"/proofs/{link}", fresh, answer="approve", note="")
    assert await status(workshop, order_id) is WorkStatus.OPEN


async def test_a_link_that_shows_nothing_says_so(workshop: Workshop, buyer: httpx.AsyncClient) -> None:
    """FUL-14: forged, too late, of another kind, and of what was cancelled."""
    order_id, link = await shown(workshop)
    work = await workshop.work(order_id)
    async with workshop.journey.engine.connect() as db:
        secret = await promise_secret(db)
    ended = proof_link_of(work.id, sent_at=datetime.now(UTC) - timedelta(days=2), days=1, secret=secret)
    nobodys = proof_link_of(fresh_id(), sent_at=datetime.now(UTC), days=1, secret=secret)

    for wrong, code, words in (
        (f"{link[:-3]}AAA", 404, "Este enlace no funciona"),
        (nobodys, 404, "Este enlace no funciona"),
        (ended, 409, "Este enlace ha caducado"),
    ):
        assert words in (await read(buyer, f"/proofs/{wrong}", status=code)).words
        posted = await buyer.post(f"/proofs/{wrong}", data={"answer": "approve", "proof": PROOF})
        assert posted.status_code == code
    assert (await buyer.get(f"/reroutes/{link}")).status_code == 404
    await workshop.journey.cancel(order_id)
    page = await buyer.post(f"/proofs/{link}", data={"answer": "\x00", "proof": "\x00", "note": "\x00"})
    assert page.status_code == 400


async def test_programs_read_and_answer_by_the_same_link(engine: Engine, workshop: Workshop) -> None:
    """FUL-14, PLT-01: for channels with pages of their own."""
    nobody = House(engine, ROUTES).client()
    order_id, link = await shown(workshop)
    path = f"/api/proofs/{link}"

    told = (await nobody.get(path)).json()
    assert (told["state"], told["proof"], told["personalisation"]) == ("asked", PROOF, {"text": "Para Eva"})
    other = {"proof": OTHER, "answer": "approve"}
    assert problem(await nobody.post(path, json=other)) == (409, "other_proof")
    assert problem(await nobody.get(f"{path[:-2]}AA")) == (404, "unknown_link")
    body = {"proof": PROOF, "answer": "approve"}
    answered = await nobody.post(path, json=body, headers={"idempotency-key": "once"})
    again = await nobody.post(path, json=body, headers={"idempotency-key": "once"})
    assert (answered.json()["state"], again.json()) == ("approved", answered.json())
    assert (await workshop.work(order_id)).marks[-1].actor == "customer:link"
