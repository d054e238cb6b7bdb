"""What is accepted of customers."""

from uuid import UUID

import msgspec
import pytest

from batuta.customers.domain import (
    BadCustomer,
    Customer,
    UnlikelyCustomer,
    check_customer,
    check_email,
    check_phone,
    check_tax_number,
)

ANA = Customer(id=UUID(int=1), name="Ana", country="ES", email="ana@example.com")


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("612 345 678", "ES", "+34612345678"),
        ("0034 912 345 678", "ES", "+34912345678"),
        ("+34 912-345-678", "", "+34912345678"),
        ("(11) 91234-5678", "BR", "+5511912345678"),
        ("020 7946 0958", "GB", "+442079460958"),
    ],
)
def test_a_phone_is_kept_as_e164(text: str, country: str, expected: str) -> None:
    assert check_phone(text, country) == expected
    assert check_phone(expected) == expected


@pytest.mark.parametrize(("text", "country"), [("612345678", ""), ("12", "ES"), ("call me", "ES"), ("+34 112", "ES")])
def test_a_number_nobody_can_dial_is_refused(text: str, country: str) -> None:
    with pytest.raises(UnlikelyCustomer):
        check_phone(text, country)


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("12345678-Z", "ES", "12345678Z"),
        ("x-1234567-l", "ES", "X1234567L"),
        ("ES B58378431", "ES", "B58378431"),
        ("390.533.447-05", "BR", "39053344705"),
        ("16.727.230/0001-97", "BR", "16727230000197"),
        ("PT 501 964 843", "PT", "501964843"),
        ("anything", "", "anything"),
        (" 77-X ", "AQ", "77-X"),
    ],
)
def test_a_tax_number_is_kept_as_its_country_writes_it(text: str, country: str, expected: str) -> None:
    assert check_tax_number(text, country) == expected


@pytest.mark.parametrize(("text", "country"), [("12345678A", "ES"), ("B58378432", "ES"), ("390.533.447-06", "BR")])
def test_a_tax_number_with_a_wrong_letter_or_digit_is_refused(text: str, country: str) -> None:
    with pytest.raises(UnlikelyCustomer) as refusal:
        check_tax_number(text, country)

    assert refusal.value.facts["field"] == "tax_number"


def test_an_e_mail_is_checked_without_asking_the_network() -> None:
    assert check_email(" Ana@Example.COM ") == "Ana@example.com"
    assert check_email("ana@correo.españa.es") == "ana@correo.españa.es"
    for wrong in ("ana", "ana@", "@example.com", "ana@localhost", "ana b@example.com"):
        with pytest.raises(UnlikelyCustomer):
            check_email(wrong)


@pytest.mark.parametrize(
    "parts",
    [{"name": "  "}, {"name": "a" * 501}, {"name": "a\x00"}, {"email": None}, {"email": "ana"}, {"phone": "1"}],
)
def test_a_customer_that_cannot_be_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises((BadCustomer, UnlikelyCustomer)):
        check_customer(msgspec.structs.replace(ANA, **parts))


def test_a_guest_needs_no_e_mail() -> None:
    guest = msgspec.structs.replace(ANA, email=None, is_guest=True)

    assert check_customer(guest) == guest
