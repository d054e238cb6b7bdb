"""What is kept back from whom: buffer rules, pools, silences; labels, safety policies, and lots that end."""

from batuta.plumbing.migrate import run_sql_of

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    run_sql_of(__file__)
