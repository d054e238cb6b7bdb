"""Drafts of strategies beside the live ones, and what they would change."""

from batuta.plumbing.migrate import run_sql_of

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    run_sql_of(__file__)
