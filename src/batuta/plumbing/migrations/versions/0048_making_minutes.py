"""How long it takes to make one unit to order."""

from batuta.plumbing.migrate import run_sql_of

revision = "0048"
down_revision = "0047"


def upgrade() -> None:
    run_sql_of(__file__)
