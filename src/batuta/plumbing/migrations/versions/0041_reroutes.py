"""Ways that customers choose whose store cannot serve them; and the secret of links and promises, made here."""

from batuta.plumbing.migrate import run_sql_of

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    run_sql_of(__file__)
