"""How late suppliers are, learned from what came."""

from batuta.plumbing.migrate import run_sql_of

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    run_sql_of(__file__)
