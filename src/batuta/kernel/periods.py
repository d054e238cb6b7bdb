"""Half-open periods of time: from the first instant up to, not including, the last."""

from datetime import datetime

import msgspec

from batuta.kernel.errors import Invalid


class Period(msgspec.Struct, frozen=True):
    """`[from_at, until_at)`; no end means for ever."""

    from_at: datetime
    until_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.from_at.tzinfo is None or (self.until_at is not None and self.until_at.tzinfo is None):
            raise Invalid("a period's ends carry a time zone")
        if self.until_at is not None and self.until_at <= self.from_at:
            raise Invalid(
                "a period ends after it begins",
                from_at=self.from_at.isoformat(),
                until_at=self.until_at.isoformat(),
            )

    def covers(self, at: datetime) -> bool:
        return self.from_at <= at and (self.until_at is None or at < self.until_at)

    def overlaps(self, other: "Period") -> bool:
        return (self.until_at is None or other.from_at < self.until_at) and (
            other.until_at is None or self.from_at < other.until_at
        )
