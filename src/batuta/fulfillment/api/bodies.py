"""What requests about fulfillment say; who asks, and about what, is known from elsewhere."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from batuta.fulfillment.domain import CountedUnits, PackedContent, ShortUnits
from batuta.kernel.quantities import Quantity, Text

LINES_MAX = 1_000
PARCELS_MAX = 200

Reason = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$", description="why, in words")]
LabelAs = Annotated[Literal["zpl", "pdf"], msgspec.Meta(description="how the labels are to be printed")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
PickupCode = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9A-Za-z -]{1,40}$", examples=["K7PMX2QA"], description="what the customer was told")
]

Others = Literal["stay", "go"]
Said = Literal["out_of_stock", "not_found", "damaged", "no_capacity", "closed", "cannot_serve", "not_sellable", "other"]
"""Why a location says no; that nobody answered, and that an operator decided otherwise, is not for it to say."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class RejectBody(Body, frozen=True):
    """sku_ids: what cannot be served; without them everything, which some reasons mean in any case.

    others: what becomes of the other lines. They stay, or go elsewhere too, so that the order may come in one parcel.
    """

    reason: Said
    sku_ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)] | None = None
    others: Others = "stay"


class PickBody(Body, frozen=True):
    """lines: units picked by now, in total; without them, all."""

    lines: Annotated[tuple[CountedUnits, ...], msgspec.Meta(max_length=LINES_MAX)] | None = None


class ShortBody(Body, frozen=True):
    """lines: units that were looked for and not found by now, in total. others: what is not picked yet."""

    lines: Annotated[tuple[ShortUnits, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    reason: Said = "not_found"
    others: Others = "stay"


class ParcelBody(Body, frozen=True):
    """A box and what is in it. What is not measured comes from the goods."""

    contents: Annotated[tuple[PackedContent, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    weight_g: Quantity | None = None
    length_mm: Quantity | None = None
    width_mm: Quantity | None = None
    height_mm: Quantity | None = None


class PackBody(Body, frozen=True):
    """parcels: together exactly what was picked; without them batuta fills boxes by itself."""

    parcels: Annotated[tuple[ParcelBody, ...], msgspec.Meta(min_length=1, max_length=PARCELS_MAX)] | None = None
    label_format: LabelAs = "pdf"


class HandOverBody(Body, frozen=True):
    """parcel_ids: what the carrier took; without them, all that are here.

    despite_hold: why goods of a held order leave; whoever may release holds may say so.
    """

    parcel_ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=PARCELS_MAX)] | None = None
    despite_hold: Text | None = None


class DispatchBody(Body, frozen=True):
    label_format: LabelAs = "pdf"


class ReadyBody(Body, frozen=True):
    """until_at: until when the goods wait at the counter; without it, seven days."""

    until_at: Moment | None = None


class ExtendBody(Body, frozen=True):
    until_at: Moment


class CollectBody(Body, frozen=True):
    """collected_by: the name of who took the goods, as proof. despite_hold: as at the hand-over."""

    code: PickupCode
    collected_by: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""
    despite_hold: Text | None = None


class AnswerBody(Body, frozen=True):
    reason: Reason = ""


class TakeBackBody(Body, frozen=True):
    """location_id: where the parcel is now; without it, where it left from."""

    location_id: UUID | None = None
    reason: Reason = ""


class WriteOffBody(Body, frozen=True):
    """reason: what is known of it, as the number of the claim against the carrier."""

    reason: Text
