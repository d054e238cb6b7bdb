"""Orders that nobody can serve now, and offers whose silence puts a promise at risk."""

from batuta.plumbing.migrate import run_sql_of

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    run_sql_of(__file__)
