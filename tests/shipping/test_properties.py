"""Laws of the room."""

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from batuta.shipping.domain import (
    PRECEDENCE,
    Carrier,
    ParcelStatus,
    Rate,
    RateCard,
    RateRequest,
    Report,
    Tariff,
    Tariffs,
    TrackingStatus,
    Transit,
    ZoneRule,
    outlook,
    zpl,
)
from tests.making import NOW, fresh_id
from tests.shipping.making import MALAGA, a_carrier, a_label, a_service

ours = st.sampled_from(
    [ParcelStatus.OPEN, ParcelStatus.LABELLED, ParcelStatus.MANIFESTED, ParcelStatus.VOIDED],
)
reports = st.builds(
    Report,
    st.integers(0, 6).map(lambda hour: NOW + timedelta(hours=hour)),
    st.sampled_from(TrackingStatus),
    st.sampled_from(["", "customs", "damaged"]),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["", "Málaga"]),
)
lives = st.lists(reports, max_size=8)


@given(our=ours, life=lives, chance=st.randoms(use_true_random=False))
def test_any_order_with_any_repetition_ends_the_same(our: ParcelStatus, life: list[Report], chance: object) -> None:
    """SHP-03."""
    shuffled = [*life, *life[: len(life) // 2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    assert outlook(our, shuffled) == outlook(our, life)


@given(our=ours, life=lives, late=reports)
def test_no_report_moves_a_parcel_backwards(our: ParcelStatus, life: list[Report], late: Report) -> None:
    """SHP-01. An exception is no place on the way: once it is over, the parcel is where it was."""
    before, after = outlook(our, life).status, outlook(our, [*life, late]).status

    if before is not ParcelStatus.EXCEPTION:
        assert PRECEDENCE[after] >= PRECEDENCE[before]
    assert PRECEDENCE[after] >= PRECEDENCE[our]


codes = st.text("012", min_size=0, max_size=4)
rules = st.lists(st.tuples(codes, codes), max_size=12, unique=True)


@given(given_rules=rules, origin=st.text("012", max_size=5), destination=st.text("012", max_size=5))
def test_a_zone_is_what_reading_every_rule_would_find(
    given_rules: Sequence[tuple[str, str]], origin: str, destination: str
) -> None:
    carrier: Carrier = a_carrier()
    service = a_service(carrier)
    zones = [
        ZoneRule(
            origin_country="ES",
            origin_prefix=origin_prefix,
            destination_country="ES",
            destination_prefix=destination_prefix,
            zone=f"zone {origin_prefix}>{destination_prefix}",
        )
        for origin_prefix, destination_prefix in given_rules
    ]
    card = RateCard(
        service_id=service.id,
        zones=zones,
        rates=[Rate(zone=rule.zone, weight_up_to_g=1_000, price_minor=1) for rule in zones],
        transits=[Transit(zone=rule.zone, days_min=1, days_max=1) for rule in zones],
    )
    request = RateRequest(
        id=fresh_id(),
        origin_country="ES",
        origin_postal_code=origin,
        destination_country="ES",
        destination_postal_code=destination,
        weight_g=1_000,
    )

    answer = Tariffs([Tariff(service, carrier, card)]).rate(request)

    fitting = [
        (len(rule.destination_prefix), len(rule.origin_prefix), rule.zone)
        for rule in zones
        if origin.startswith(rule.origin_prefix) and destination.startswith(rule.destination_prefix)
    ]
    assert (answer[0].zone if isinstance(answer, list) else None) == (max(fitting)[2] if fitting else None)


hostile = st.text(
    st.one_of(st.sampled_from("^~_\\\n\r\t>;#$*<@`"), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=90
)


@given(name=hostile, street=hostile, city=hostile, reference=hostile)
def test_no_text_becomes_a_command_of_the_printer(name: str, street: str, city: str, reference: str) -> None:
    plain = a_label()
    destination = msgspec.structs.replace(MALAGA, name=name, street=[street], city=city)
    written = zpl(msgspec.structs.replace(plain, destination=destination, reference=reference))

    kinds = {"^XA", "^CI", "^PW", "^LL", "^LH", "^FO", "^A0", "^FH", "^FD", "^FS", "^GB", "^BY", "^BC", "^XZ"}
    assert {part[:3] for part in re.findall(r"[\^~][^\^~]*", written)} <= kinds
    assert written.count("^XA") == written.count("^XZ") == 1
    assert "\\" not in written
    assert written.isprintable()
    for field in re.findall(r"\^FH\^FD(.*?)\^FS", written):
        assert re.fullmatch(r"(?:[^_^~\\]|_(?:5E|7E|5F|5C))*", field)
