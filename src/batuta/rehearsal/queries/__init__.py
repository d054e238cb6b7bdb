"""What is known of orders as they were planned."""

from batuta.rehearsal.queries.facts import Facts, facts_of
from batuta.rehearsal.queries.recorded import recorded_orders

__all__ = ["Facts", "facts_of", "recorded_orders"]
