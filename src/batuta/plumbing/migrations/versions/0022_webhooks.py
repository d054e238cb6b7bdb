"""Endpoints, their secrets and breakers, deliveries by lane, tries."""

from batuta.plumbing.migrate import run_sql_of

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    run_sql_of(__file__)
