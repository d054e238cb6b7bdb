"""What every verb needs to run: the settings, a loop, and a way to tell a problem."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from batuta.kernel.errors import BatutaError
from batuta.plumbing.settings import Loaded, load_settings

Answer = TypeVar("Answer")


def loaded() -> Loaded:
    """Load the settings and let logs follow them."""
    found = load_settings()
    from batuta.plumbing.telemetry import configure_logs

    configure_logs(level=found.settings.log_level, form=found.settings.log_format)
    return found


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a verb's work to its end."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def problem_of(error: Exception) -> BatutaError | None:
    """Return the problem to tell people, None if the error is a bug."""
    if isinstance(error, BatutaError):
        return error
    from batuta.plumbing.outage import outage

    return outage(error)
