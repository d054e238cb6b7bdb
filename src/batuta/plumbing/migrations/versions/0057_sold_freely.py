"""Orders that share no locks with each other."""

from batuta.plumbing.migrate import run_sql_of

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    run_sql_of(__file__)
