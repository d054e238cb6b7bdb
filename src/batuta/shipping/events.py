"""What this room tells: a parcel left, arrived, went wrong, came back; the stream is the parcel's owner.

And who set what carriers offer.
"""

from datetime import datetime
from uuid import UUID

from batuta.kernel.events import Event, Saved


class ParcelHandedOver(Event, frozen=True, kw_only=True):
    """The carrier took the parcel from us."""

    parcel_id: UUID


class ParcelTakenUnannounced(Event, frozen=True, kw_only=True):
    """The carrier has seen a parcel that we never handed over."""

    parcel_id: UUID


class ParcelDelivered(Event, frozen=True, kw_only=True):
    """The carrier delivered it; delivered_at is the carrier's time and starts return windows (SHP-05)."""

    parcel_id: UUID
    delivered_at: datetime


class ParcelException(Event, frozen=True, kw_only=True):
    """Something is in the way. code: the carrier's detail in our words (`customs`, `recipient_absent`)."""

    parcel_id: UUID
    code: str


class ParcelLost(Event, frozen=True, kw_only=True):
    """The carrier gave it up."""

    parcel_id: UUID


class ParcelReturning(Event, frozen=True, kw_only=True):
    """It is on its way back to us."""

    parcel_id: UUID


class ParcelReturned(Event, frozen=True, kw_only=True):
    """It is back at the sender's door."""

    parcel_id: UUID


class ParcelVoided(Event, frozen=True, kw_only=True):
    """It will not travel."""

    parcel_id: UUID


class CarrierSaved(Saved, frozen=True, kw_only=True):
    """A carrier is there, or it, its `calendar` or its `pickups` at a location are otherwise; it is the stream."""


class ServiceSaved(Saved, frozen=True, kw_only=True):
    """A carrier's service is there, or is otherwise; it is the stream."""


class RateCardSaved(Saved, frozen=True, kw_only=True):
    """A service costs or promises something else; it is the stream. changes: the rows that are gone, and the new."""
