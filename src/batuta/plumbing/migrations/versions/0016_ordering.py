"""Orders, their lines and holds."""

from batuta.plumbing.migrate import run_sql_of

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    run_sql_of(__file__)
