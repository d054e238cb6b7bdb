"""Postal codes on the map, carrier pickups, and slots."""

from batuta.plumbing.migrate import run_sql_of

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql_of(__file__)
