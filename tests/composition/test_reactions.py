"""`batuta events` and `batuta jobs`: what waits is shown, and a person decides."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from click.testing import Result
from sqlalchemy import bindparam, text

from batuta.cli.reactions import NoSuchReaction, StillFails
from batuta.ordering.domain import OrderStatus
from batuta.plumbing.database import Engine, Instant
from batuta.plumbing.events import parked
from batuta.plumbing.jobs import NotHeld
from batuta.plumbing.telemetry import metrics_text
from batuta.plumbing.watching import watch
from tests.composition import databases
from tests.composition.shopping import (
    cure,
    let_work,
    let_work_until_parked,
    open_shop,
    order_chair,
    poison,
    status_of,
)
from tests.making import NOW, fresh_id

WAIT_S = 60


class House:
    """A database with a day in it, and `batuta` on it."""

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine

    async def batuta(self, *arguments: str) -> Result:
        return await asyncio.to_thread(databases.batuta, self.url, *arguments)

    async def told(self, *arguments: str) -> Any:
        return databases.told(await self.batuta(*arguments))

    async def parked_order(self) -> UUID:
        """An order that the score cannot take on, among others that it can."""
        shop = await open_shop(self.engine)
        bad = await order_chair(self.engine, shop)
        await poison(self.engine, bad)
        good = [await order_chair(self.engine, shop) for _ in range(3)]
        await let_work_until_parked(self.engine, bad)
        await let_work(self.engine)
        assert {await status_of(self.engine, one) for one in good} == {OrderStatus.IN_PROGRESS}
        assert await status_of(self.engine, bad) is OrderStatus.PLACED
        return bad

    async def hold_job(self) -> int:
        held = text("""
            INSERT INTO jobs.pgqueuer (priority, status, entrypoint, payload, attempts)
            VALUES (0, 'failed', 'payments.carry_out', :payload, 8) RETURNING id
        """)
        async with self.engine.begin() as db:
            return int((await db.scalars(held, {"payload": msgspec.json.encode(fresh_id())})).one())


@pytest.fixture
async def house(played: str, copy: Callable[[str], str]) -> AsyncIterator[House]:
    url = await asyncio.to_thread(copy, played)
    async with databases.engine_on(url) as engine:
        yield House(url, engine)


async def test_positions_are_shown_and_nothing_waits(house: House) -> None:
    shown = await house.batuta("events")

    assert shown.exit_code == 0
    assert "score  at 1:" in shown.output
    assert "0 facts behind, lag 0.0 s" in shown.output
    assert "no stream is parked" in shown.output
    assert "no job is held" in shown.output


async def test_a_poisoned_fact_parks_its_stream_and_is_shown_with_what_to_do(house: House) -> None:
    bad = await house.parked_order()

    told = await house.told("events", "--json")
    (one,) = told["parked"]
    assert (one["reaction"], one["stream"], one["fact"]) == ("score", str(bad), "ordering.order_placed")
    assert "poison" in one["error"]
    assert told["reactions"][0]["parked_streams"] == 1
    shown = (await house.batuta("events")).output
    assert f"batuta events retry score {bad}" in shown
    assert f"batuta events skip score {bad} --reason" in shown
    audited = await house.batuta("audit", "--json")
    assert audited.exit_code == 1
    (broken,) = [one for one in databases.told(audited)["verdicts"] if one["broken"]]
    assert broken["rows"][0]["stream"] == str(bad)


async def test_retrying_before_the_cause_is_mended_says_so_and_after_it_goes_on(house: House) -> None:
    bad = await house.parked_order()

    refused = await house.batuta("events", "retry", "score", str(bad))
    assert isinstance(refused.exception, StillFails)
    assert "poison" in str(refused.exception.facts["error"])
    await cure(house.engine)
    done = await house.batuta("events", "retry", "score", str(bad))
    assert done.exit_code == 0, done.exception
    assert done.output.startswith("done: 1 fact")
    await let_work(house.engine)
    await let_work(house.engine)

    assert await status_of(house.engine, bad) is OrderStatus.IN_PROGRESS
    assert (await house.batuta("audit")).exit_code == 0


async def test_skipping_a_fact_keeps_who_decided_it_and_why(house: House) -> None:
    bad = await house.parked_order()

    without = await house.batuta("events", "skip", "score", str(bad))
    assert without.exit_code == 2
    done = await house.batuta("events", "skip", "score", str(bad), "--reason", "paid by phone")
    assert done.exit_code == 0, done.exception

    async with house.engine.connect() as db:
        (kept,) = (await db.execute(text("SELECT reaction, reason, actor FROM plumbing.skipped"))).all()
    assert (kept.reaction, kept.reason) == ("score", "paid by phone")
    assert kept.actor.startswith("cli:")
    assert (await house.told("events", "--json"))["parked"] == []
    assert (await house.batuta("audit")).exit_code == 0


async def test_what_is_not_there_is_told(house: House) -> None:
    unknown = await house.batuta("events", "retry", "encore", str(fresh_id()))
    assert isinstance(unknown.exception, NoSuchReaction)
    assert unknown.exception.facts["known"] == ["score", "shadow", "webhooks"]
    for verb in (("retry",), ("skip", "--reason", "none")):
        absent = await house.batuta("events", *verb, "score", str(fresh_id()))
        assert isinstance(absent.exception, parked.NothingParked)
    assert isinstance((await house.batuta("jobs", "replay", "4711")).exception, NotHeld)
    assert (await house.batuta("events", "rebase")).output == "this database acts already\n"


async def test_a_held_job_is_shown_and_replayed(house: House) -> None:
    job = await house.hold_job()

    assert f"batuta jobs replay {job}" in (await house.batuta("jobs")).output
    assert [one["id"] for one in (await house.told("events", "--json"))["held_jobs"]] == [job]
    replayed = await house.batuta("jobs", "replay", str(job))
    assert replayed.exit_code == 0, replayed.exception

    assert (await house.batuta("jobs")).output == "no job is held\n"
    async with house.engine.connect() as db:
        queued = await db.scalars(text("SELECT id FROM jobs.pgqueuer WHERE status = 'queued' AND attempts = 0"))
        assert job in queued.all()


async def test_a_sweep_that_fails_is_shown_and_counted_and_the_audit_names_it(house: House) -> None:
    failing = text("""
        INSERT INTO plumbing.failed_sweep (name, failures, error, since_at, failed_at, again_at)
        VALUES ('carts that nobody came back to', 3, 'RuntimeError: no', :now, :now, :now)
    """)
    async with house.engine.begin() as db:
        await db.execute(failing.bindparams(bindparam("now", type_=Instant)), {"now": NOW})

    shown = (await house.batuta("events")).output
    await watch(house.engine, now=NOW)
    audited = await house.batuta("audit", "--json")

    assert f"sweep failed: carts that nobody came back to, 3 times since {NOW:%Y-%m-%d %H:%M:%S}Z" in shown
    assert "RuntimeError: no" in shown
    assert "batuta_failed_sweeps 1.0" in metrics_text().decode()
    assert audited.exit_code == 1
    (broken,) = [one for one in databases.told(audited)["verdicts"] if one["broken"]]
    assert broken["rows"][0]["name"] == "carts that nobody came back to"


async def test_an_open_transaction_that_all_wait_for_is_named(house: House) -> None:
    async with house.engine.connect() as db:
        await db.begin()
        pid = await db.scalar(text("SELECT pg_backend_pid() FROM pg_current_xact_id()"))
        # The server waits for transactions of other tests too: older ones end, and new ones are younger.
        async with asyncio.timeout(WAIT_S):
            while (await house.told("events", "--json"))["holder"]["pid"] != pid:
                pass
        await db.rollback()


async def test_the_metrics_tell_lag_parked_streams_and_held_jobs(house: House) -> None:
    await house.parked_order()
    await house.hold_job()
    async with house.engine.begin() as db:
        await db.execute(text("UPDATE plumbing.reaction SET epoch = 0, xid = '0', id = 0"))
        oldest = await db.scalar(text("SELECT min(recorded_at) FROM plumbing.event"))

    await watch(house.engine, now=oldest)
    assert b'batuta_event_lag_seconds{reaction="score"} 0.0' in metrics_text()
    await watch(house.engine, now=max(oldest, NOW))
    told = metrics_text().decode()

    assert 'batuta_parked_streams{reaction="score"} 1.0' in told
    assert "batuta_held_jobs 1.0" in told
