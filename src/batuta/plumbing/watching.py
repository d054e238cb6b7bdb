"""What the worker tells monitoring: how far reactions lag and behind whom, and what waits for a person."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from prometheus_client import Gauge

from batuta.plumbing.database import Engine
from batuta.plumbing.events.parked import LogHolder, holder, lags
from batuta.plumbing.jobs import count_held
from batuta.plumbing.sweeps import failed_sweeps
from batuta.plumbing.telemetry import registry

TRANSACTION_LONG_S = 5

event_lag_seconds = Gauge(
    "batuta_event_lag_seconds", "Age of the oldest fact that a reaction has not read", ("reaction",), registry=registry
)
log_holder_seconds = Gauge(
    "batuta_log_holder_seconds",
    "Age of the oldest open writing transaction, which all reactions wait for",
    registry=registry,
)
parked_streams = Gauge(
    "batuta_parked_streams",
    "Streams that wait for a person",
    ("reaction",),
    registry=registry,
)
held_jobs = Gauge("batuta_held_jobs", "Jobs that failed on their last try and wait for a person", registry=registry)
sweeps_failing = Gauge("batuta_failed_sweeps", "Sweeps that failed on their last try", registry=registry)

_log = structlog.get_logger("batuta.watching")


def begin_watching(reactions: Sequence[str]) -> None:
    """Let every reaction have its metrics from the beginning."""
    for name in reactions:
        event_lag_seconds.labels(name)
        parked_streams.labels(name)


async def watch(engine: Engine, *, now: datetime) -> None:
    """Bring the metrics up to date, by look-ups that stay quick however long the log is."""
    async with engine.connect() as db:
        present, oldest, held = await lags(db, now=now), await holder(db), await count_held(db)
        failing = await failed_sweeps(db)
    for one in present:
        event_lag_seconds.labels(one.name).set(one.seconds)
        parked_streams.labels(one.name).set(one.parked_streams)
    held_jobs.set(held)
    sweeps_failing.set(len(failing))
    _tell_holder(oldest)


def _tell_holder(oldest: LogHolder | None) -> None:
    log_holder_seconds.set(oldest.seconds if oldest else 0)
    if oldest and oldest.seconds > TRANSACTION_LONG_S:
        _log.warning("reactions_wait", pid=oldest.pid, application=oldest.application, seconds=round(oldest.seconds))
