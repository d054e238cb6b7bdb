"""When deliveries are tried, what opens the breaker, what addresses are good, how messages are signed."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from batuta.connectors.webhooks.domain import (
    BACK_OFF,
    FAILURES_TO_OPEN,
    AddressNotAllowed,
    BadUrl,
    Breaker,
    Content,
    Format,
    Told,
    UnknownEventType,
    after_tries,
    body_of,
    check_url,
    headers_of,
    is_public,
    new_secret,
    next_try_at,
)
from batuta.connectors.webhooks.queries import check_event_types
from tests.making import NOW, fresh_id

times = st.integers(0, 12)


def test_a_delivery_is_tried_for_more_than_a_day_ever_more_rarely() -> None:
    """PLT-04"""
    id_, at, waits = fresh_id(), NOW, []
    for tries in range(1, 100):
        again_at = next_try_at(id_, tries, now=at)
        if again_at is None:
            break
        waits.append(again_at - at)
        at = again_at
    assert len(waits) == len(BACK_OFF)
    assert timedelta(hours=24) <= at - NOW <= timedelta(hours=28)
    assert waits == sorted(waits)


def test_deliveries_that_failed_together_do_not_come_back_together() -> None:
    assert len({next_try_at(fresh_id(), 4, now=NOW) for _ in range(50)}) > 20


def test_an_endpoint_that_asks_for_a_year_gets_an_hour() -> None:
    at = next_try_at(fresh_id(), 1, now=NOW, asked=timedelta(days=365))
    assert at is not None
    assert timedelta(hours=1) <= at - NOW <= timedelta(hours=1.1)


def test_the_breaker_opens_after_failures_on_end_and_for_longer_each_time() -> None:
    """PLT-04"""
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = after_tries(breaker, taken=0, refused=0, ailing=1, now=NOW)
    assert not breaker.is_shut_at(NOW)
    waits = []
    for _ in range(12):
        breaker = after_tries(breaker, taken=0, refused=0, ailing=1, now=NOW)
        assert breaker.open_until_at is not None
        waits.append((breaker.open_until_at - NOW).total_seconds())
    assert waits[:7] == [15, 30, 60, 120, 240, 480, 600]
    assert set(waits[7:]) == {600}


@given(times, times, times)
def test_one_that_is_taken_closes_the_breaker(taken: int, refused: int, ailing: int) -> None:
    broken = Breaker(failures=9, openings=3, open_until_at=NOW, failing_since_at=NOW)
    after = after_tries(broken, taken=taken, refused=refused, ailing=ailing, now=NOW)
    if taken:
        assert after == Breaker(answered_at=NOW)
    elif refused:
        assert (after.failures, after.open_until_at, after.failing_since_at) == (0, None, NOW)
    elif ailing:
        assert after.is_shut_at(NOW)
    else:
        assert after == broken


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://shop.example.com/", BadUrl),
        ("ftp://shop.example.com/", BadUrl),
        ("https:///hooks", BadUrl),
        ("https://ana:secret@shop.example.com/", BadUrl),
        ("https://shop.example.com/#there", BadUrl),
        ("https://shop.example.com:99999/", BadUrl),
        ("https://shop.example.com/\r\nx-more: 1", BadUrl),
        ("https://shop.example.com\\@127.0.0.1/", BadUrl),
        ("https://tienda.españa.example/", BadUrl),
        ("https://[::1", BadUrl),
        ("file:///etc/passwd", BadUrl),
        ("https://" + "a" * 2_000, BadUrl),
        ("https://localhost/", AddressNotAllowed),
        ("https://LOCALHOST./", AddressNotAllowed),
        ("https://api.internal/", AddressNotAllowed),
        ("https://batuta/", AddressNotAllowed),
        ("https://127.0.0.1/", AddressNotAllowed),
        ("https://2130706433/", AddressNotAllowed),
        ("https://0x7f000001/", AddressNotAllowed),
        ("https://10.0.0.1:8443/", AddressNotAllowed),
        ("https://169.254.169.254/latest/meta-data", AddressNotAllowed),
        ("https://[::1]/", AddressNotAllowed),
        ("https://[::ffff:127.0.0.1]/", AddressNotAllowed),
        ("https://[fd00:ec2::254]/", AddressNotAllowed),
    ],
)
def test_addresses_that_are_not_good_are_refused_when_they_are_named(url: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_url(url, is_private_allowed=False)


@pytest.mark.parametrize(
    "url", ["https://shop.example.com/hooks?a=1", "https://93.184.215.14/", "https://[2606:2800:220:1::1]:8443/a"]
)
def test_addresses_of_the_internet_are_good(url: str) -> None:
    assert check_url(url, is_private_allowed=False) == url


def test_an_installation_may_allow_what_is_inside() -> None:
    for url in ("http://127.0.0.1:8080/", "http://erp.internal/hooks", "https://10.0.0.1/"):
        assert check_url(url, is_private_allowed=True) == url


@given(st.ip_addresses())
def test_an_address_inside_another_is_judged_as_what_it_leads_to(address: object) -> None:
    if is_public(str(address)) and "." in str(address):
        assert is_public(f"::ffff:{address}")
    elif "." in str(address):
        assert not is_public(f"::ffff:{address}")


@given(st.binary(max_size=200).map(lambda raw: raw.hex().encode()))
def test_a_stranger_verifies_what_we_sign_and_refuses_what_was_changed(body: bytes) -> None:
    secret, now = new_secret(random.Random(7)), datetime.now(UTC)
    headers = headers_of(fresh_id(), body, secrets=[secret], at=now)
    verifier = Webhook(secret)
    verifier.verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body + b" ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret(random.Random(8))).verify(body, headers, json_parse=False)


def test_the_code_by_which_goods_are_collected_is_told_to_nobody() -> None:
    told = Told(
        id=fresh_id(),
        type="fulfillment.ready_for_pickup",
        stream=fresh_id(),
        happened_at=NOW,
        data={"code": "482913", "until_at": "2026-03-09"},
    )
    for format_ in Format:
        for content in Content:
            assert b"482913" not in body_of(told, format_=format_, content=content)


def test_a_misspelt_fact_is_refused_with_what_was_perhaps_meant() -> None:
    check_event_types(["*", "ordering.*", "ordering.order_placed"])
    with pytest.raises(UnknownEventType) as refusal:
        check_event_types(["ordering.order_place"])
    assert "ordering.order_placed" in refusal.value.facts["near"]  # type: ignore[operator]
    with pytest.raises(UnknownEventType):
        check_event_types(["identity.*"])
