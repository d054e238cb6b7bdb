"""In what the quantity of a line was told."""

from batuta.plumbing.migrate import run_sql_of

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    run_sql_of(__file__)
