"""What lines of carts were told in, and what is asked for them."""

from batuta.plumbing.migrate import run_sql_of

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    run_sql_of(__file__)
