"""Versions of reference data, lists by what is asked for, and holders that the API made."""

from batuta.plumbing.migrate import run_sql_of

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    run_sql_of(__file__)
