"""Orders that wait to be planned together, and what planning them together was worth."""

from batuta.plumbing.migrate import run_sql_of

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    run_sql_of(__file__)
