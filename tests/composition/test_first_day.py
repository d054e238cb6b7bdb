"""A fresh folder, `batuta up`, and the first order of the demo company."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from batuta.ordering.commands import place as place_orders
from batuta.ordering.domain import Means, Placed, PlaceLine, PlaceOrder
from batuta.plumbing.embedded import running_url
from tests.composition.databases import engine_on
from tests.composition.shopping import until_in_progress
from tests.composition.test_up import answer, first_line, free_port, run, up
from tests.making import fresh_id
from tests.world import MADRID

CHAIR, CHAIR_MINOR = "SILLA-ENCINA-NAT", 8_990


def test_the_demo_company_sells_from_the_first_minute(place: Path) -> None:
    port = free_port()
    with up(place, port) as process:
        first_line(process)
        asyncio.run(buy_a_chair(place))

        assert 'batuta_event_lag_seconds{reaction="score"}' in answer(port, "/metrics")
        audited = run(place, "audit")
        assert audited.returncode == 0, audited.stdout
        shown = run(place, "events")
        assert "score  at 1:" in shown.stdout
    alone = run(place, "audit")
    assert alone.returncode == 0, alone.stdout


async def buy_a_chair(place: Path) -> None:
    url = await asyncio.to_thread(running_url, place / ".batuta")
    assert url
    wanted = PlaceOrder(
        id=fresh_id(),
        channel_code="web",
        lines=[PlaceLine(sku_code=CHAIR, quantity=1)],
        ship_to=MADRID,
        actor="customer:ana",
        placed_at=datetime.now(UTC),
        email="ana@example.com",
        means=[Means(method="card", amount_minor=CHAIR_MINOR, token="tok_visa")],
    )
    async with engine_on(url) as engine:
        async with engine.begin() as db:
            (outcome,) = await place_orders(db, orders=[wanted], now=wanted.placed_at)
        assert isinstance(outcome, Placed), outcome
        async with asyncio.timeout(30):
            await until_in_progress(engine, wanted.id)


def test_an_installation_may_begin_without_the_demo_company(place: Path) -> None:
    (place / "batuta.toml").write_text("demo_company = false\n")
    with up(place, free_port()) as process:
        first_line(process)
        assert asyncio.run(count_companies(place)) == 0


async def count_companies(place: Path) -> int:
    url = await asyncio.to_thread(running_url, place / ".batuta")
    assert url
    async with engine_on(url) as engine, engine.connect() as db:
        return int(await db.scalar(text("SELECT count(*) FROM company.legal_entity")) or 0)
