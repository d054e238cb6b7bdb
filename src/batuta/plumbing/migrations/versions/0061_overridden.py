"""Whoever reviews the rules finds what people decided otherwise."""

from batuta.plumbing.migrate import run_sql_of

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    run_sql_of(__file__)
