"""How late suppliers come, learned from what came (INV-21)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from batuta.inventory.commands import expect, receive_expected, save_lateness
from batuta.inventory.commands.learning import LATENESS_DUE, learn_latenesses
from batuta.inventory.domain.lateness import Delivery, learn_lateness
from batuta.inventory.domain.supply import Lateness, Reliability
from batuta.inventory.queries import latenesses
from batuta.kernel.errors import BatutaError
from batuta.plumbing.database import Connection
from tests.inventory.test_supply import a_receipt, a_shop, coming_in, steps
from tests.making import NOW, fresh_code
from tests.world import Shop

DAY = timedelta(days=1)

late = st.floats(-20, 100)
ages = st.floats(0, 700)
told = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(
    lambda two: Lateness(supplier_code="acme", p50_days=min(two), p90_days=max(two))
)
deliveries = st.lists(
    st.builds(
        lambda age, days, share: Delivery(came_at=NOW - age * DAY, late_days=days, share=share),
        ages,
        late,
        st.floats(0.01, 1.0),
    ),
    max_size=30,
)


@given(told, deliveries)
def test_what_is_learned_lies_between_what_was_told_and_what_was_seen(before: Lateness, seen: list[Delivery]) -> None:
    found = learn_lateness(before, seen, now=NOW)

    days = [max(0.0, one.late_days) for one in seen]
    assert 0 <= found.p50_days <= found.p90_days
    assert min([*days, before.p50_days]) <= found.p50_days
    assert found.p90_days < max([*days, before.p90_days]) + 1
    if not seen:
        assert found == before


@given(told, deliveries, deliveries, st.floats(0.001, 300))
def test_what_comes_later_has_no_part_in_what_is_known_now(
    before: Lateness, seen: list[Delivery], future: list[Delivery], ahead: float
) -> None:
    later = [Delivery(came_at=NOW + ahead * DAY, late_days=one.late_days, share=one.share) for one in future]

    assert learn_lateness(before, [*seen, *later], now=NOW) == learn_lateness(before, seen, now=NOW)


def test_a_few_deliveries_change_little_and_many_change_all() -> None:
    before = Lateness(supplier_code="acme", p50_days=1, p90_days=3)
    ten_late = [Delivery(came_at=NOW, late_days=10.0, share=1.0)]

    assert learn_lateness(before, ten_late, now=NOW).p50_days == 3
    assert learn_lateness(before, ten_late * 500, now=NOW).p50_days == 10
    half = [Delivery(came_at=NOW, late_days=10.0, share=0.5)]
    assert learn_lateness(before, half, now=NOW).p50_days == 2


async def came(db: Connection, shop: Shop, supplier: str, *, late_days: list[int]) -> None:
    """Receipts of the supplier that were due in a day and came so much later."""
    for i, days in enumerate(late_days):
        one = a_receipt(shop, 4, days=1, supplier_code=supplier)
        await expect(db, expected=[one], now=NOW)
        at = NOW + (1 + days) * DAY + i * timedelta(minutes=1)
        (answer,) = await receive_expected(db, receipts=[coming_in(one, 4, effective_at=at)], now=at)
        assert not isinstance(answer, BatutaError)


async def test_a_supplier_who_comes_late_is_counted_on_later(db: Connection) -> None:
    """INV-21: thirteen receipts four days late, one of them twenty; what is told of the next one counts on that."""
    shop = await a_shop(db)
    supplier = fresh_code("supplier")
    await save_lateness(db, suppliers=[Lateness(supplier_code=supplier, p50_days=1, p90_days=2)], now=NOW)
    await came(db, shop, supplier, late_days=[20] + [4] * 12)
    now = NOW + 30 * DAY

    assert await learn_latenesses(db, now=now, limit=500) >= 1

    (known,) = [one for one in await latenesses(db) if one.supplier_code == supplier]
    assert (known.p50_days, known.p90_days, known.deliveries, known.learned_at) == (1, 2, 13, now)
    assert (known.learned_p50_days, known.learned_p90_days) == (4, 4)
    assert known.of(Reliability.P50) == 4 * DAY
    receipt = a_receipt(shop, 7, days=50, supplier_code=supplier)
    await expect(db, expected=[receipt], now=NOW)
    assert (await steps(db, shop))[-1][0] == 54
    assert (await steps(db, shop, reliability=Reliability.AS_TOLD))[-1][0] == 50


async def test_who_postpones_is_late_and_who_comes_early_is_on_time(db: Connection) -> None:
    shop = await a_shop(db)
    early, nobody = fresh_code("supplier"), fresh_code("supplier")
    await came(db, shop, early, late_days=[-1] * 8)
    await save_lateness(db, suppliers=[Lateness(supplier_code=nobody, p50_days=2, p90_days=5)], now=NOW)

    await learn_latenesses(db, now=NOW + 9 * DAY, limit=500)

    known = {one.supplier_code: one for one in await latenesses(db)}
    assert (known[early].learned_p50_days, known[early].learned_p90_days) == (0, 0)
    assert known[nobody].learned_at is None
    assert known[nobody].of(Reliability.P90) == 5 * DAY


async def test_it_is_learned_once_a_day_where_something_came(db: Connection) -> None:
    shop = await a_shop(db)
    await came(db, shop, fresh_code("supplier"), late_days=[0])
    at = NOW + DAY + timedelta(hours=1)

    assert (await db.execute(text(LATENESS_DUE), {"now": at})).all()
    await learn_latenesses(db, now=at, limit=500)
    assert not (await db.execute(text(LATENESS_DUE), {"now": at + timedelta(hours=23)})).all()
    assert not (await db.execute(text(LATENESS_DUE), {"now": at + 2 * DAY})).all()
