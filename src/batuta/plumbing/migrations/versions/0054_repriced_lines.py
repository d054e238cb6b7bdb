"""What the units of a line cost since something else is sent."""

from batuta.plumbing.migrate import run_sql_of

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    run_sql_of(__file__)
