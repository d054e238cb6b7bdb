"""What may be tried: rules on orders that were."""

from batuta.rehearsal.commands.rehearsing import rehearse

__all__ = ["rehearse"]
