"""Carts, and orders by status, e-mail address and SKU."""

from batuta.plumbing.migrate import run_sql_of

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_sql_of(__file__)
