"""How far a replay has come, told in the log like everything else, so that a killed one goes on where it was."""

from batuta.kernel.events import Event


class HourBegun(Event, frozen=True):
    """Everything before this hour has been played; what is played again from here on changes nothing."""


class ReplayEnded(Event, frozen=True):
    """Everything in the data has been played."""
