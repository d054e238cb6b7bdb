"""How long it takes to make one unit to order."""

from batuta.plumbing.migrate import run_sql_of

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    run_sql_of(__file__)
