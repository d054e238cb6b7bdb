"""A storm of rejections in small; `python -m benchmarks.storm` is the large one."""

from batuta.plumbing.database import Engine
from tests.journeys.journey import broken_laws
from tests.simulation.storm import storm

SEED = 7


async def test_when_every_location_rejects_half_no_order_is_forgotten(engine: Engine) -> None:
    """SRC-08, SRC-11, I-24: every order ends fulfilled, parked or cancelled with a reason."""
    ended = await storm(engine, orders=60, locations=8, seed=SEED)

    assert ended.orders == 60
    assert ended.unexplained == 0, ended
    assert ended.offered_within_ban == 0, ended
    assert ended.fulfilled > 0
    assert ended.rejections > 30
    assert await broken_laws(engine) == []
