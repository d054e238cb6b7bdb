"""Carts, and orders by status, e-mail address and SKU."""

from batuta.plumbing.migrate import run_sql_of, versions

revision = "0021"
down_revision = max(number for number in versions() if number < "0021")


def upgrade() -> None:
    run_sql_of(__file__)
