"""Price lists, taxes, shipping charges."""

from batuta.plumbing.migrate import run_sql_of

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql_of(__file__)
