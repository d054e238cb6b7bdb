"""Passwords, sessions, API keys, rate limits; what staff may do and where."""

from batuta.plumbing.migrate import run_sql_of

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    run_sql_of(__file__)
