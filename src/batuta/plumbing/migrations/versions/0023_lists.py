"""Versions of reference data, lists by what is asked for, and holders that the API made."""

from batuta.plumbing.migrate import run_sql_of, versions

revision = "0023"
down_revision = max(number for number in versions() if number < "0023")


def upgrade() -> None:
    run_sql_of(__file__)
