"""Products, SKUs, what bundles consist of."""

from batuta.plumbing.migrate import run_sql_of

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_of(__file__)
