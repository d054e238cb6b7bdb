"""What was set of locations, by whom: streams are their ids."""

from batuta.kernel.events import Saved


class LocationSaved(Saved, frozen=True, kw_only=True):
    """A location is there, or it, one of its days (`special_days.2026-12-24`) or lanes is otherwise."""
