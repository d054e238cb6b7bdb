"""Supply."""

from batuta.plumbing.migrate import run_sql_of

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql_of(__file__)
