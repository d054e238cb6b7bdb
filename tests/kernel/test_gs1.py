"""Laws of GS1 keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.kernel.errors import Invalid
from batuta.kernel.gs1 import check_digit, gln, gtin, sscc

digits = st.text(alphabet="0123456789", min_size=1, max_size=17)


@pytest.mark.parametrize(
    ("body", "expected"), [("400638133393", 1), ("629104150021", 3), ("9638507", 4), ("37610425002123456", 9)]
)
def test_the_check_digit_is_that_of_the_printed_examples(body: str, expected: int) -> None:
    """Real packs, and the SSCC example of the GS1 General Specifications."""
    assert check_digit(body) == expected


@given(body=digits)
def test_the_weighed_sum_of_a_key_is_a_multiple_of_ten(body: str) -> None:
    key = f"{body}{check_digit(body)}"

    assert sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(reversed(key))) % 10 == 0


@given(body=digits, place=st.integers(min_value=0), other=st.integers(min_value=1, max_value=9))
def test_one_digit_misread_is_always_noticed(body: str, place: int, other: int) -> None:
    place %= len(body)
    misread = f"{body[:place]}{(int(body[place]) + other) % 10}{body[place + 1 :]}"

    assert check_digit(misread) != check_digit(body)


@pytest.mark.parametrize("text", ["", "12A", "1 2", "١٢٣", "-1"])
def test_a_key_has_only_digits(text: str) -> None:
    with pytest.raises(Invalid):
        check_digit(text)


@given(body=st.sampled_from([7, 11, 12, 13]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)))
def test_a_gtin_of_8_12_13_or_14_digits_with_its_check_digit_is_accepted(body: str) -> None:
    key = f"{body}{check_digit(body)}"

    assert gtin(key) == key
    assert gtin(f"{key[:3]} {key[3:]}") == key
    with pytest.raises(Invalid):
        gtin(f"{body}{(check_digit(body) + 1) % 10}")


@pytest.mark.parametrize("text", ["", "123456789", "ABCDEFGH", "40063813339310000"])
def test_a_gtin_of_another_length_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        gtin(text)


@given(body=st.text("0123456789", min_size=12, max_size=12))
def test_a_gln_has_13_digits_and_a_check_digit(body: str) -> None:
    key = f"{body}{check_digit(body)}"

    assert gln(key) == gln(f"{key[:7]} {key[7:]}") == key
    for wrong in (body, f"{body}{(check_digit(body) + 1) % 10}", f"{key}0", f"{body[:-1]}X{key[-1]}"):
        with pytest.raises(Invalid):
            gln(wrong)


@given(
    prefix=st.text("0123456789", min_size=4, max_size=12),
    serials=st.lists(st.integers(min_value=0, max_value=9_999), min_size=2, max_size=2, unique=True),
    extension=st.integers(min_value=0, max_value=9),
)
def test_every_package_has_its_own_18_digits(prefix: str, serials: list[int], extension: int) -> None:
    one, other = (sscc(prefix, serial, extension=extension) for serial in serials)

    assert one != other
    for key in (one, other):
        assert len(key) == 18
        assert key.startswith(f"{extension}{prefix}")
        assert check_digit(key[:-1]) == int(key[-1])


def test_a_prefix_runs_out_of_packages_aloud() -> None:
    assert sscc("841234567890", 9_999)
    with pytest.raises(Invalid, match="no SSCC is left"):
        sscc("841234567890", 10_000)
