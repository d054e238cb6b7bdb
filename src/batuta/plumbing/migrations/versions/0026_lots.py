"""Lots, serial numbers, units of measure, kits and substitutes."""

from batuta.plumbing.migrate import run_sql_of

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    run_sql_of(__file__)
