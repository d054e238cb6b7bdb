"""Why a feed, what it says, or a line of it is not taken."""

from batuta.kernel.errors import NotFound, Refused


class UnknownFeed(NotFound):
    """There is no feed by this code."""


class UnknownDifference(NotFound):
    """There is no such difference, or not for this caller."""


class BadFeed(Refused):
    """A feed cannot be like that."""


class OlderThanLast(Refused):
    """A newer message of the feed was heard; an older one never overwrites it (INV-09)."""


class SequenceReused(Refused):
    """The feed has already said something else under this sequence."""


class OnlyCompares(Refused):
    """What this feed counts is compared with the ledger, and it changes nothing."""


class NothingToCount(Refused):
    """A heartbeat says that the feed lives, and counts nothing."""


class NeverComplete(Refused):
    """Only a snapshot says all that lies at a location."""


class RowsRefused(Refused):
    """All or nothing was asked for, and some rows cannot be taken; nothing was changed."""


class TooManyAtOnce(Refused):
    """So many lines are not taken in one piece."""


class ForeignPlace(Refused):
    """The feed does not speak of this location."""


class NegativeCount(Refused):
    """Nobody counts fewer than no units."""


class CountedTwice(Refused):
    """The same message has counted this before."""


class AlreadySettled(Refused):
    """Somebody else has settled the difference, otherwise."""
