"""What deliveries have taught of lanes, and parcels that were ready of locations."""

from batuta.plumbing.migrate import run_sql_of

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_sql_of(__file__)
