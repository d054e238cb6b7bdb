"""Past orders are put into a house by single statements, and the house finds nothing wrong with them."""

from sqlalchemy import text

from benchmarks.catalogue import Catalogue
from benchmarks.harness import house
from benchmarks.past import load_past, make_originals

STANDING = """
    SELECT status, count(*) AS orders, count(DISTINCT number) AS numbers, count(DISTINCT placed_at) AS moments
    FROM ordering."order" GROUP BY status
"""


async def test_copies_of_an_order_that_lived_and_of_one_taken_over_keep_every_law() -> None:
    """Issue 4, speed: past orders are whole, so that the audit holds over them."""
    async with house(Catalogue(skus=30, locations=2), processes=0) as one:
        originals = await make_originals(one, skus=30, orders=200)
        loaded = await load_past(one, originals, orders=200)

        assert (loaded.orders, loaded.lived) == (200, 10)
        assert await one.broken_laws() == []
        async with one.engine.connect() as db:
            (standing,) = await db.execute(text(STANDING))
        assert standing.status == "completed"
        # The two that were made, on one moment, and their copies.
        assert (standing.orders, standing.numbers, standing.moments) == (202, 202, 202)
