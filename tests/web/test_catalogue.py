"""The words of the pages: both languages say everything."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

import batuta
from batuta import web
from batuta.company.domain import RerouteKind, ShipMode
from batuta.fulfillment.domain import FulfillmentStatus as WorkStatus
from batuta.fulfillment.domain import RejectionReason
from batuta.fulfillment.domain import WorkStatus as MakingStatus
from batuta.identity.domain import Role
from batuta.inventory.domain.transfers import TransferStatus
from batuta.kernel.events import Event, Saved, type_of
from batuta.notifications.domain import FACTS, MessageStatus
from batuta.ordering.domain import Bucket, FulfillmentStatus, HoldKind, Method, OrderStatus, Stage
from batuta.payments.domain import Method as Means
from batuta.payments.domain import PaymentStatus
from batuta.returns.domain import ReturnStatus
from batuta.shipping.domain import ParcelStatus, ServiceKind, TrackingDetail, TrackingStatus
from batuta.sourcing.domain import Rule
from batuta.web.catalogue import LANGUAGES, Speech, language_asked, language_of, words_of
from batuta.web.queries import View

HERE = Path(web.__file__).parent
MADRID = ZoneInfo("Europe/Madrid")
NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
NOT_OF_ORDERS = {"identity", "connectors", "inventory", "company", "pricing", "locations"}
VALUES: list[tuple[str, Iterable[str]]] = [
    ("status", OrderStatus),
    ("goods", FulfillmentStatus),
    ("bucket", [f"{bucket}.{form}" for bucket in Bucket for form in ("one", "other")]),
    ("hold", HoldKind),
    ("blocks", Stage),
    ("way", Method),
    ("service", ServiceKind),
    ("method", Means),
    ("payment", PaymentStatus),
    ("parcel", ParcelStatus),
    ("scan", TrackingStatus),
    ("detail", [one for one in TrackingDetail if one]),
    ("work", WorkStatus),
    ("making", MakingStatus),
    ("transfer", TransferStatus),
    ("return", ReturnStatus),
    ("ship_mode", ShipMode),
    ("reason", RejectionReason),
    ("rule", Rule),
    ("message", MessageStatus),
    ("template", FACTS),
    ("roles", Role),
    ("orders.view", View),
    ("reroute", RerouteKind),
]


def speech(language: str) -> Speech:
    return Speech(language, MADRID, NOW)


def facts_in(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def test_both_languages_say_the_same_things_with_the_same_facts() -> None:
    english, spanish = (words_of(language) for language in LANGUAGES)

    assert english.keys() == spanish.keys()
    for key, words in english.items():
        assert facts_in(words) == facts_in(spanish[key]), key
        assert words.strip() or key.endswith(".below"), key
        assert spanish[key].strip() or key.endswith(".below"), key


@pytest.mark.parametrize(("group", "names"), VALUES, ids=[group for group, _ in VALUES])
def test_every_status_and_kind_has_its_word(group: str, names: Iterable[str]) -> None:
    for name in names:
        key = name.value if isinstance(name, StrEnum) else name
        assert f"{group}.{key}" in words_of("es")


def test_every_fact_of_an_order_is_told_in_words() -> None:
    for room in pkgutil.iter_modules(batuta.__path__, "batuta."):
        if (HERE.parent / room.name.removeprefix("batuta.") / "events.py").exists():
            importlib.import_module(f"{room.name}.events")
    kinds = [kind for kind in _below(Event) if kind.__module__ in sys.modules and kind.__module__.startswith("batuta.")]
    of_orders = [kind for kind in kinds if not issubclass(kind, Saved)]
    told = {type_of(kind) for kind in of_orders if kind.__module__.split(".")[1] not in NOT_OF_ORDERS}
    leaves = {name for name in told if not name.endswith(("fulfillment_event", "work_order_event", "return_event"))}

    assert len(leaves) > 50
    assert {name for name in leaves if f"told.{name}.title" not in words_of("en")} == set()


def test_every_word_that_a_page_asks_for_is_there() -> None:
    asked = re.compile(r"say\(\"([a-z_.]+)\"|say\('([a-z_.]+)'")
    for template in sorted((HERE / "templates").glob("*.html")):
        for first, second in asked.findall(template.read_text()):
            assert (first or second) in words_of("en"), f"{template.name}: {first or second}"


def _below(kind: type[Event]) -> Iterable[type[Event]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


@pytest.mark.parametrize(("language", "written"), [("en", "€1,234.50"), ("es", "1.234,50\xa0€")])
def test_money_is_written_as_the_language_does(language: str, written: str) -> None:
    assert speech(language).money(123_450, "EUR").replace("1234", "1.234") == written


def test_currencies_without_cents_have_none() -> None:
    assert speech("en").money(500, "JPY") == "¥500"


def test_near_days_have_names_and_days_of_other_years_their_year() -> None:
    """Half past eleven at night in UTC is the next day in Madrid."""
    today = date(2026, 3, 3)
    said = speech("es")

    assert said.moment(NOW) == "Hoy, 00:30"
    assert said.day(today - timedelta(days=1)) == "Ayer"
    assert said.day(today + timedelta(days=1)) == "Mañana"
    assert said.day(date(2026, 1, 7)) == "7 ene"
    assert said.date(today) == "3 mar"
    assert said.day(date(2025, 12, 31)) == "31 dic 2025"


@pytest.mark.parametrize(
    ("zone", "written"), [("Europe/Madrid", "Today, 00:30 CET"), ("America/Sao_Paulo", "Yesterday, 20:30 UTC-03")]
)
def test_a_moment_may_name_its_clock(zone: str, written: str) -> None:
    there = Speech("en", ZoneInfo(zone), NOW)

    assert there.zoned(NOW) == written.replace("Yesterday", "Today")


def test_one_unit_is_not_some_units() -> None:
    assert speech("es").count("bucket.shipped", 1) == "1 enviada"
    assert speech("es").count("bucket.shipped", 2) == "2 enviadas"


def test_a_name_that_the_catalogue_does_not_know_is_shown_as_it_is() -> None:
    assert speech("es").of("method", "bank_of_the_moon") == "bank of the moon"


@pytest.mark.parametrize(
    ("asked", "language"), [("es-MX,es;q=0.9", "es"), ("fr, en;q=0.5", "en"), ("", "en"), ("fr-FR", "en"), ("*", "en")]
)
def test_a_browser_is_answered_in_the_first_language_that_we_speak(asked: str, language: str) -> None:
    assert language_asked(asked) == language


def test_a_locale_names_its_language() -> None:
    assert [language_of(one) for one in ("es-ES", "en_GB", "pt-BR", "", None)] == ["es", "en", None, None, None]
