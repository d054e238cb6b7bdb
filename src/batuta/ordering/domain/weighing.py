"""What goods cost that are ordered by piece and charged by weight (INV-15). Pure."""

ADJUSTMENT = "weight"
"""The name of the adjustments by which they cost it."""


def by_weight_minor(worth_minor: int, *, usual_g: int, weight_g: int) -> int:
    """By how much more the units cost than was reckoned for their usual weight; below zero, by how much less.

    worth_minor: what they cost at that weight. Rounded half up, as prices are.
    """
    return (2 * worth_minor * weight_g + usual_g) // (2 * usual_g) - worth_minor


def charged_minor(more_minor: int, *, room_minor: int | None) -> int:
    """What of a difference is charged: all that is less, and of what is more only what the money that is held covers.

    room_minor: what is held or paid beyond what is due; None where the order is paid later, and nothing need be held.
    """
    return more_minor if room_minor is None else min(more_minor, max(0, room_minor))
