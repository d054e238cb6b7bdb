"""Lines of carts are part of their carts."""

from batuta.plumbing.migrate import run_sql_of

revision = "0062"
down_revision = "0061"


def upgrade() -> None:
    run_sql_of(__file__)
