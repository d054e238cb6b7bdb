"""Parcels that are lost for good are written off."""

from batuta.plumbing.migrate import run_sql_of

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    run_sql_of(__file__)
