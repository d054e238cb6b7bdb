"""What may be tried: rules on orders that were, and beside the live ones."""

from batuta.rehearsal.commands.comparing import Compared, forget_differences, keep_compared
from batuta.rehearsal.commands.rehearsing import rehearse
from batuta.rehearsal.commands.shadowing import begin_shadows, end_shadows, hear, shadowing

__all__ = [
    "Compared",
    "begin_shadows",
    "end_shadows",
    "forget_differences",
    "hear",
    "keep_compared",
    "rehearse",
    "shadowing",
]
