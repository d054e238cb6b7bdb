"""How orders may be split, and how long they wait."""

from batuta.plumbing.migrate import run_sql_of

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    run_sql_of(__file__)
