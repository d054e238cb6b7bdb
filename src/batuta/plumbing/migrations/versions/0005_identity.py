"""Staff."""

from batuta.plumbing.migrate import run_sql_of

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql_of(__file__)
