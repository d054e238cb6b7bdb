"""All that happens by itself, put together; and the worker that lets it happen.

This package, `app` and `cli` are the ones that know every room.
"""

from batuta.connectors.webhooks.adapters.http import Sender
from batuta.worker.laws import LAWS
from batuta.worker.loops import clockwork, working
from batuta.worker.sweeps import SWEEPS

__all__ = ["LAWS", "SWEEPS", "Sender", "clockwork", "working"]
