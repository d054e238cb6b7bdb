"""Small slices of the benchmarks that prove something: the same code with small numbers, on every run."""

from argparse import Namespace

from benchmarks import flash_sale, torture


async def test_a_flash_sale_sells_exactly_what_there_is() -> None:
    """RES-08: also with carts in opposite order, and while a process of the server is killed."""
    figures = await flash_sale.run(Namespace(clients=16, attempts=60, units=12, json=True))

    assert figures == {
        "units": 12,
        "sold": 12,
        "oversold": 0,
        "refused": 48,
        "errors": 0,
        "charges_without_order": 0,
        "audit_ok": True,
    }


async def test_nothing_that_was_acknowledged_is_lost_whoever_is_killed() -> None:
    asked = Namespace(seconds=6.0, clients=6, skus=20, locations=2, seed=7, json=True)

    figures, notes = await torture.run(asked)

    assert torture.is_right(figures, notes), (figures, notes)
    assert figures["acknowledged"]
    assert figures["kills"] == 2
    assert figures["postgres_kills"] == 1
