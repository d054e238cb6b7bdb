"""What units are worth to the locations that have them."""

from batuta.plumbing.migrate import run_sql_of

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    run_sql_of(__file__)
