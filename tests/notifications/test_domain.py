"""The words of messages, in both languages."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import batuta.notifications
from batuta.kernel.states import IllegalMove
from batuta.notifications.domain import (
    FACTS,
    LANGUAGES,
    BadFact,
    MissingFacts,
    Sending,
    UnknownTemplate,
    after,
    language_of,
    render,
)
from tests.making import NOW
from tests.notifications.making import EVERY_FACT, message

TEMPLATES = Path(batuta.notifications.__file__).parent / "templates"


def facts_for(template: str, **more: Any) -> dict[str, Any]:
    return {key: EVERY_FACT[key] for key in FACTS[template]} | more


@pytest.mark.parametrize("template", FACTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_filled_by_the_facts_it_says_it_needs(template: str, language: str) -> None:
    """CUS-05: template by language; the words can be looked at before anything is sent."""
    for facts in (facts_for(template), EVERY_FACT):
        words = render(template, locale=language, facts=facts)

        assert "P-1042-7" in words.subject
        assert words.subject == words.subject.strip()
        assert words.body.rstrip().endswith("Casa Clara")
        assert "Ana" in words.body.splitlines()[0]
        assert "\n\n\n" not in words.body
        assert not {"{", "}", "None"} & set(words.body.split())


@pytest.mark.parametrize("template", FACTS)
def test_every_needed_fact_is_missed(template: str) -> None:
    for fact in FACTS[template]:
        facts = facts_for(template)
        del facts[fact]
        with pytest.raises(MissingFacts) as refusal:
            render(template, locale="es", facts=facts)
        assert refusal.value.facts["missing"] == [fact]


def test_there_is_a_file_for_every_template_and_language_and_none_more() -> None:
    expected = {f"{template}.{language}.txt" for template in FACTS for language in LANGUAGES}

    assert {path.name for path in TEMPLATES.iterdir()} == expected


def test_a_guest_without_a_name_is_greeted_all_the_same() -> None:
    facts = facts_for("order_placed", name="")

    assert render("order_placed", locale="es", facts=facts).body.startswith("Hola:\n")
    assert render("order_placed", locale="en", facts=facts).body.startswith("Hello,\n")


@pytest.mark.parametrize(
    ("locale", "currency", "amount_minor", "shown"),
    [
        ("es", "EUR", 123456, "1.234,56\xa0€"),
        ("es-ES", "EUR", 1234567, "12.345,67\xa0€"),
        ("es_MX", "MXN", 123456, "$1,234.56"),
        ("en", "EUR", 123456, "€1,234.56"),
        ("en-GB", "GBP", 5, "£0.05"),
        ("en", "JPY", 1234, "¥1,234"),
        ("es", "KWD", 1234, "1,234\xa0KWD"),
        ("pt-BR", "BRL", 123456, "R$1,234.56"),
        ("", "EUR", 100, "€1.00"),
        ("../../etc", "EUR", 100, "€1.00"),
    ],
)
def test_amounts_are_written_as_in_the_customers_country(
    locale: str, currency: str, amount_minor: int, shown: str
) -> None:
    """TAX-02: exponents 0, 2 and 3."""
    facts = facts_for("refunded", amount_minor=amount_minor, currency=currency)

    assert shown in render("refunded", locale=locale, facts=facts).body


@pytest.mark.parametrize(
    ("locale", "language"), [("es", "es"), ("es-AR", "es"), ("ES_es", "es"), ("en-US", "en"), ("fr", "en"), ("", "en")]
)
def test_whoever_reads_neither_language_gets_english(locale: str, language: str) -> None:
    assert language_of(locale) == language


def test_days_and_times_are_the_customers_own() -> None:
    """An hour before midnight in UTC is the next day in Madrid."""
    late = datetime(2026, 3, 29, 23, 30, tzinfo=UTC)
    facts = facts_for("delivered", delivered_at=late, time_zone="Europe/Madrid")

    assert "el lunes, 30 de marzo de 2026 a las 1:30" in render("delivered", locale="es", facts=facts).body
    assert "Monday, 30 March 2026 at 01:30" in render("delivered", locale="en-GB", facts=facts).body

    facts = facts_for("delivered", delivered_at=late.isoformat())
    assert "Sunday, March 29, 2026" in render("delivered", locale="en", facts=facts).body


def test_one_unit_and_several_are_told_apart() -> None:
    assert "un artículo" in render("cancelled", locale="es", facts=facts_for("cancelled", units=1)).body
    assert "3 artículos" in render("cancelled", locale="es", facts=facts_for("cancelled", units=3)).body
    assert "one item" in render("cancelled", locale="en", facts=facts_for("cancelled", units=1)).body


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_no_fact_can_leave_its_line(newline: str) -> None:
    hostile = f"P-1{newline}Bcc: x@example.com{newline}{newline}Pay here: http://evil.example"
    facts = facts_for("order_placed", order_number=hostile, name=hostile)
    harmless = facts_for("order_placed", order_number="P-1", name="Ana")

    words = render("order_placed", locale="es", facts=facts)

    assert words.subject.splitlines() == [words.subject]
    assert len(words.body.splitlines()) == len(render("order_placed", locale="es", facts=harmless).body.splitlines())


def test_a_fact_is_never_a_template() -> None:
    facts = facts_for("order_placed", name="{{ total_minor }}{% for x in range(9) %}x{% endfor %}")

    assert "{{ total_minor }}{% for" in render("order_placed", locale="es", facts=facts).body


def test_html_in_a_fact_stays_text() -> None:
    facts = facts_for("order_placed", name="<b>Ana</b> & Cía")

    assert "Hola, <b>Ana</b> & Cía:" in render("order_placed", locale="es", facts=facts).body


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("refunded", {"amount_minor": "12,50"}),
        ("refunded", {"amount_minor": None}),
        ("refunded", {"currency": 978}),
        ("delivered", {"delivered_at": "soon"}),
        ("delivered", {"delivered_at": None}),
        ("delivered", {"delivered_at": datetime(2026, 3, 2)}),  # noqa: DTZ001 that it has no zone is the point
        ("delivered", {"time_zone": "Europe/Atlantis"}),
        ("delivered", {"time_zone": "../../../etc/passwd"}),
        ("delivered", {"name": "x" * 501}),
    ],
)
def test_a_fact_of_the_wrong_kind_is_refused(template: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadFact):
        render(template, locale="es", facts=facts_for(template, **wrong))


@pytest.mark.parametrize("template", ["", "newsletter", "../order_placed", "order_placed.es"])
def test_an_unknown_template_is_refused_with_those_there_are(template: str) -> None:
    with pytest.raises(UnknownTemplate) as refusal:
        render(template, locale="es", facts=EVERY_FACT)
    assert refusal.value.facts["templates"] == sorted(FACTS)


def test_a_message_is_sent_or_fails_once_and_waits_otherwise() -> None:
    queued = message()

    waiting = after(queued, Sending(is_over=False, problem="451 greylisted"), now=NOW)
    sent = after(waiting, Sending(is_over=True), now=NOW)
    failed = after(queued, Sending(is_over=True, problem="550 no such mailbox"), now=NOW)

    assert (waiting.status, waiting.sent_at, waiting.problem) == ("queued", None, "451 greylisted")
    assert (sent.status, sent.sent_at, sent.problem) == ("sent", NOW, "")
    assert (failed.status, failed.sent_at, failed.problem) == ("failed", None, "550 no such mailbox")
    with pytest.raises(IllegalMove):
        after(sent, Sending(is_over=True, problem="too late"), now=NOW)
