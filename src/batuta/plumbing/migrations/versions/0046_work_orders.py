"""What is made to order: recipes, what buyers asked for, and the work of making it."""

from batuta.plumbing.migrate import run_sql_of

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    run_sql_of(__file__)
