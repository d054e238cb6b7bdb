"""What is kept in memory, and until when."""

from batuta.plumbing.migrate import run_sql_of

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    run_sql_of(__file__)
