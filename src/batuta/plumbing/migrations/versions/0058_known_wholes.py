"""One table tells what changed of all that is kept in memory."""

from batuta.plumbing.migrate import run_sql_of

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    run_sql_of(__file__)
