"""The PostgreSQL that batuta brings along: found, initialised, started, watched and stopped.

Words: data folder (all that batuta keeps on disk), cluster (PostgreSQL's own part of it), postmaster
(PostgreSQL's first process), account (the user the postmaster runs as).
Laws: one batuta per data folder; a postmaster lives when `pg_isready` says so, whatever its pid; no
folder that batuta did not make is ever chmodded or chowned; the database survives kill -9 of anybody.
"""

from batuta.plumbing.embedded.server import EmbeddedServer, holds_cluster, running_url

__all__ = ["EmbeddedServer", "holds_cluster", "running_url"]
