"""What was set of the company, by whom: streams are the ids of what was set."""

from batuta.kernel.events import Saved


class LegalEntitySaved(Saved, frozen=True, kw_only=True):
    """A legal entity is there, or is otherwise."""


class BrandSaved(Saved, frozen=True, kw_only=True):
    """A brand is there, or is otherwise."""


class ChannelSaved(Saved, frozen=True, kw_only=True):
    """A channel is there, or it or its policies are otherwise."""
