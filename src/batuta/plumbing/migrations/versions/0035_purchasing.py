"""Purchase orders to suppliers that send to customers by themselves."""

from batuta.plumbing.migrate import run_sql_of

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    run_sql_of(__file__)
