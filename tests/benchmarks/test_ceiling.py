"""What PostgreSQL logged becomes a script of pgbench that says the same for other orders."""

from benchmarks.catalogue import sku_code
from benchmarks.ceiling import Statement, ids_in, marked, transaction_with

LOG = """\
2026-03-02 10:00:00.001 UTC [7] LOG:  statement: BEGIN;
2026-03-02 10:00:00.002 UTC [8] LOG:  statement: BEGIN;
2026-03-02 10:00:00.003 UTC [7] LOG:  execute __asyncpg_stmt_1__: SELECT 1
\tFROM t WHERE a = $1
2026-03-02 10:00:00.003 UTC [7] DETAIL:  Parameters: $1 = 'it''s', $2 = NULL
2026-03-02 10:00:00.004 UTC [8] LOG:  execute __asyncpg_stmt_2__: SELECT 2
2026-03-02 10:00:00.005 UTC [7] LOG:  execute __asyncpg_stmt_3__: INSERT INTO orders VALUES ($1)
2026-03-02 10:00:00.005 UTC [7] DETAIL:  Parameters: $1 = '{a,b}'
2026-03-02 10:00:00.006 UTC [8] LOG:  statement: COMMIT;
2026-03-02 10:00:00.007 UTC [7] LOG:  statement: COMMIT;
"""


def test_the_transaction_of_the_order_is_found_among_others() -> None:
    assert transaction_with(LOG, "INSERT INTO orders") == [
        Statement("SELECT 1\nFROM t WHERE a = $1", ("it's", None)),
        Statement("INSERT INTO orders VALUES ($1)", ("{a,b}",)),
    ]


def test_what_an_order_alone_has_is_marked_and_the_rest_stays() -> None:
    own, shared = "019cadfd-8900-7269-9733-1bfa3822db3b", "016f5e66-e800-79db-b565-8797333501cd"
    value = f"{{{own},{shared},{sku_code(7)},1000089}}"

    assert ids_in([Statement("", (value,))]) == sorted([own, shared])
    assert marked(value, skus=[7], fresh=[own, "1000089"]) == (
        f"{{NNNNNNNN-8900-7269-9733-1bfa3822db3b,{shared},SSSSSSSS0,NNNNNNNN}}"
    )
