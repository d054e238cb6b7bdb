"""The words of the pages, and how each language writes money, days and numbers."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal

from batuta.kernel.money import exponent_of

LANGUAGES = ("en", "es")
DEFAULT = "en"

Words = Mapping[str, str]


class Speech:
    """One language, in one time zone, at one moment."""

    def __init__(self, language: str, zone: ZoneInfo, now: datetime) -> None:
        self.language = language
        self.zone = zone
        self._words = words_of(language)
        self.now = now
        self._today = now.astimezone(zone).date()

    def __call__(self, key: str, /, **facts: object) -> str:
        """The words of a key, which must be there."""
        return self._words[key].format(**facts)

    def count(self, key: str, count: int) -> str:
        """The words for so many; both languages know one and the others."""
        return self(f"{key}.{'one' if count == 1 else 'other'}", count=self.number(count))

    def of(self, group: str, name: str) -> str:
        """The word for a name that may be newer than the catalogue; such a name is shown as it is."""
        return self._words.get(f"{group}.{name}", name.replace("_", " "))

    def knows(self, key: str) -> bool:
        """Whether there are words of this key."""
        return key in self._words

    def money(self, amount_minor: int, currency: str) -> str:
        """An amount as people write it; a refund has its sign in front."""
        amount = Decimal(amount_minor).scaleb(-exponent_of(currency))
        return format_currency(amount, currency, locale=self.language)

    def country(self, code: str) -> str:
        """The name of a country; a code that nobody knows is shown as it is."""
        return str(Locale(self.language).territories.get(code, code))

    def number(self, count: int) -> str:
        """A whole number."""
        return format_decimal(count, locale=self.language)

    def day(self, day: date) -> str:
        """A day: by name when it is near, with the year when that is another."""
        if day == self._today:
            return self("day.today")
        if day == self._today - timedelta(days=1):
            return self("day.yesterday")
        if day == self._today + timedelta(days=1):
            return self("day.tomorrow")
        return self.date(day)

    def date(self, day: date) -> str:
        """A day by its number, as it stands within a sentence; with the year when that is another."""
        return format_date(day, "d MMM" if day.year == self._today.year else "d MMM y", locale=self.language)

    def local(self, at: datetime) -> datetime:
        """The moment on the clocks of the zone."""
        return at.astimezone(self.zone)

    def time(self, at: datetime) -> str:
        """The time of day."""
        return format_time(self.local(at), "HH:mm", locale=self.language)

    def moment(self, at: datetime) -> str:
        """The day and the time of day."""
        return f"{self.day(self.local(at).date())}, {self.time(at)}"

    def date_and_time(self, at: datetime) -> str:
        """The day by its number and the time of day, as they stand within a sentence."""
        return f"{self.date(self.local(at).date())}, {self.time(at)}"

    def zoned(self, at: datetime) -> str:
        """The moment with the name that its clocks go by, as CET or UTC-03."""
        name = self.local(at).tzname() or ""
        return f"{self.moment(at)} {name if name.isalpha() else f'UTC{name}'}"


@cache
def words_of(language: str) -> Words:
    """The catalogue of a language, by keys with dots; of what the log tells there is a `.title` and a `.below`."""
    tree = tomllib.loads(files("batuta.web").joinpath("words", f"{language}.toml").read_text("utf-8"))
    return {f"{group}.{key}": words for group, entries in tree.items() for key, words in _flat(entries)}


def _flat(entries: Mapping[str, str | list[str] | dict[str, str]]) -> Iterator[tuple[str, str]]:
    for key, words in entries.items():
        if isinstance(words, str):
            yield key, words
        else:
            parts = words if isinstance(words, dict) else dict(zip(("title", "below"), words, strict=True))
            yield from ((f"{key}.{part}", text) for part, text in parts.items())


def language_of(wanted: str | None) -> str | None:
    """The language of ours that a locale as `es-MX` names, if any."""
    language = (wanted or "").lower().split("-", maxsplit=1)[0].split("_", maxsplit=1)[0]
    return language if language in LANGUAGES else None


def language_asked(accept_language: str) -> str:
    """The first of our languages in a browser's wish; browsers write the dearest first."""
    wishes = (language_of(part.split(";", maxsplit=1)[0].strip()) for part in accept_language.split(","))
    return next((language for language in wishes if language), DEFAULT)
