"""Carriers, rate cards, parcels, labels, scans."""

from batuta.plumbing.migrate import run_sql_of

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql_of(__file__)
