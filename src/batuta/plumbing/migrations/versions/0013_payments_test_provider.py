"""The state of the built-in test provider, as strict as a real one."""

from batuta.plumbing.migrate import run_sql_of

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql_of(__file__)
