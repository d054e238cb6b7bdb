"""`python -m benchmarks.storm`: 2,000 orders, of which every location rejects half of what it is offered.

In one process and by commands, with the whole house at work (score, sweeps, jobs): every order must end fulfilled,
parked or cancelled for a reason, none may be offered to a location again within its ban, and no law may be broken.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from batuta.plumbing.database import create_engine
from batuta.plumbing.embedded import EmbeddedServer
from batuta.plumbing.migrate import migrate
from benchmarks import harness
from benchmarks.reporting import progress, report
from tests.journeys.journey import broken_laws
from tests.simulation.storm import Ended, storm


async def run(asked: argparse.Namespace) -> int:
    """Let the storm pass, and report; 1 when an order is not accounted for, or a law is broken."""
    began = time.perf_counter()
    with progress("storm", steps=2, is_quiet=asked.json) as tell, tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        here.chmod(0o755)
        async with EmbeddedServer(here / "data", options=harness.OPTIONS) as server:
            engine = create_engine(server.url, pool_size=4)
            try:
                await migrate(engine)
                tell("orders are placed, rejected and sent")
                ended = await storm(engine, orders=asked.orders, locations=asked.locations, seed=asked.seed)
                tell("auditing")
                broken = await broken_laws(engine)
            finally:
                await engine.dispose()
    figures = msgspec.structs.asdict(ended) | {
        "laws_broken": len(broken),
        "seconds": round(time.perf_counter() - began, 1),
    }
    report(figures, as_json=asked.json, notes={"broken": [verdict.law for verdict in broken]})
    return 0 if _is_sound(ended) and not broken else 1


def _is_sound(ended: Ended) -> bool:
    return not ended.unexplained and not ended.offered_within_ban


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storm", description=__doc__)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--locations", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    sys.exit(harness.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
