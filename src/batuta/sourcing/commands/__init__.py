"""What may be done: plan orders, and take back what a location will not serve."""

from batuta.sourcing.commands.planning import plan
from batuta.sourcing.commands.rejecting import record_rejection, withdraw

__all__ = ["plan", "record_rejection", "withdraw"]
