"""What others send to a store is what the store lacks (FUL-12)."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from batuta.sourcing.domain.by_transfer import to_send
from batuta.sourcing.domain.search.candidates import Candidate, Parts, units_in

STORE, OTHER = UUID(int=1), UUID(int=2)
CHAIR, TABLE = UUID(int=3), UUID(int=4)

MADE_OF: list[Parts] = [((CHAIR, 1),), ((TABLE, 1),), ((CHAIR, 2), (TABLE, 1))]
stocks = st.fixed_dictionaries({CHAIR: st.integers(0, 9), TABLE: st.integers(0, 9)})
wishes = st.lists(st.tuples(st.sampled_from(MADE_OF), st.integers(1, 4)), min_size=1, max_size=3)


def a_candidate(location_id: UUID, stock: dict[UUID, int]) -> Candidate:
    return Candidate(
        location_id=location_id, code=str(location_id), handling_order_minor=0, handling_unit_minor=0, stock=stock
    )


@given(stocks, stocks, wishes)
def test_others_send_what_is_lacking_and_all_of_it_where_they_have_it(
    there: dict[UUID, int], elsewhere: dict[UUID, int], wanted: list[tuple[Parts, int]]
) -> None:
    """FUL-12: never more than they have, never for what the store has itself."""
    found = to_send({STORE: a_candidate(STORE, there), OTHER: a_candidate(OTHER, elsewhere)}, wanted, STORE)
    asked = {sku_id: sum(units * dict(parts).get(sku_id, 0) for parts, units in wanted) for sku_id in (CHAIR, TABLE)}

    assert found[STORE].stock == there
    for sku_id, units in found[OTHER].stock.items():
        assert units <= min(elsewhere[sku_id], asked[sku_id])
    if all(elsewhere[sku_id] >= asked[sku_id] for sku_id in asked):
        assert all(there[sku_id] + found[OTHER].stock[sku_id] >= asked[sku_id] for sku_id in asked)
    if len(wanted) == 1 and units_in(there, wanted[0][0]) >= wanted[0][1]:
        assert not any(found[OTHER].stock.values())
