"""People and companies, their addresses and consents."""

from batuta.plumbing.migrate import run_sql_of

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql_of(__file__)
