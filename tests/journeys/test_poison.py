"""A fact that cannot be reacted to: its order waits for a person, all others go on (a poison event)."""

from uuid import UUID

import pytest
from asyncpg import PostgresError
from sqlalchemy import text

from batuta.orchestration.score import score
from batuta.ordering.commands import place
from batuta.ordering.domain import Means, OrderStatus
from batuta.plumbing.events.parked import NothingParked, parked_streams, retry
from tests.journeys.journey import Journey, broken_laws
from tests.ordering.test_commands import an_order

BREAK = """
CREATE FUNCTION sourcing.break() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.order_id = '{}' THEN RAISE EXCEPTION 'the planner stumbles over this one'; END IF;
    RETURN NEW;
END $$;
"""
ARM = "CREATE TRIGGER break BEFORE INSERT ON sourcing.decision FOR EACH ROW EXECUTE FUNCTION sourcing.break()"
MEND = "DROP FUNCTION sourcing.break() CASCADE"


async def run(journey: Journey, *statements: str) -> None:
    async with journey.engine.begin() as db:
        for one in statements:
            await db.execute(text(one))


async def parked(journey: Journey) -> list[UUID]:
    async with journey.engine.connect() as db:
        return [one.stream for one in await parked_streams(db)]


async def test_a_fact_that_breaks_its_handler_parks_one_order_and_a_retry_completes_it(journey: Journey) -> None:
    means = [Means(method="card", amount_minor=2_990, token="tok_visa")]
    poison = an_order(journey.shop, ("chair", 1), means=means)
    await run(journey, BREAK.format(poison.id), ARM)
    try:
        others = [an_order(journey.shop, ("chair", 1), means=means) for _ in range(3)]
        await journey.do(place, orders=[others[0], poison, *others[1:]])

        assert await parked(journey) == [poison.id]
        assert [verdict.law for verdict in await broken_laws(journey.engine)] == ["no stream is parked"]
        for one in others:
            await journey.send(one.id)
            await journey.carrier_says(one.id, "delivered", journey.now)
            assert (await journey.order(one.id)).status is OrderStatus.COMPLETED
        assert (await journey.order(poison.id)).status is OrderStatus.ACCEPTED
        with pytest.raises(PostgresError, match="stumbles"):
            await retry(journey.engine, score(), poison.id, now=journey.now)
        assert await parked(journey) == [poison.id]
    finally:
        await run(journey, MEND)

    await retry(journey.engine, score(), poison.id, now=journey.now)
    assert await parked(journey) == []
    with pytest.raises(NothingParked):
        await retry(journey.engine, score(), poison.id, now=journey.now)
    await journey.pass_time(seconds=1)
    await journey.send(poison.id)
    await journey.carrier_says(poison.id, "delivered", journey.now)
    assert (await journey.order(poison.id)).status is OrderStatus.COMPLETED
    assert (await journey.money(poison.id)).captured_minor == 2_990
