"""Rights, passwords, keys and allowances, without a database."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batuta.identity.domain import (
    PERMISSIONS,
    ROLE_PERMISSIONS,
    BadKey,
    BadLimit,
    MoreThanOwn,
    NewApiKey,
    Rights,
    Role,
    UnknownPermission,
    WeakPassword,
    WrongCsrfToken,
    csrf_of,
)
from batuta.identity.domain.allowances import Allowance, home_of, of_key
from batuta.identity.domain.keys import check_key, id_in, is_secret, secret_of
from batuta.identity.domain.passwords import check_password, hash_password, is_outdated, is_password, made_up
from batuta.identity.domain.permissions import check_given, check_limits, check_permissions
from batuta.identity.domain.sessions import check_csrf, hash_of, new_token
from tests.making import NOW, fresh_id

CHANCE = random.Random(3)
HERE, THERE = fresh_id(), fresh_id()
names = st.frozensets(st.sampled_from(sorted(PERMISSIONS)))
places = st.none() | st.frozensets(st.sampled_from([HERE, THERE]), min_size=1)
limits = st.dictionaries(st.just("payments.refund"), st.integers(0, 10_000))
rights = st.builds(Rights, permissions=names, channel_ids=places, location_ids=places, limits=limits)


@given(own=rights, wanted=rights)
def test_who_was_given_rights_can_do_nothing_that_the_giver_cannot(own: Rights, wanted: Rights) -> None:
    """PLT-07."""
    try:
        check_given(own, wanted)
    except MoreThanOwn:
        return
    assert wanted.permissions <= own.permissions
    for mine, theirs in ((own.channel_ids, wanted.channel_ids), (own.location_ids, wanted.location_ids)):
        assert mine is None or (theirs is not None and theirs <= mine)
    if "payments.refund" in own.limits and "payments.refund" in wanted.permissions:
        assert wanted.limits["payments.refund"] <= own.limits["payments.refund"]


@given(own=rights)
def test_everybody_may_give_away_just_what_they_have(own: Rights) -> None:
    assert check_given(own, own) is own


def test_only_admins_let_others_in() -> None:
    assert {role for role in Role if "identity.manage" in ROLE_PERMISSIONS[role]} == {Role.ADMIN}


def test_a_permission_or_limit_that_nobody_knows_is_invalid() -> None:
    with pytest.raises(UnknownPermission):
        check_permissions({"orders.read", "orders.burn"})
    with pytest.raises(BadLimit):
        check_limits({"orders.read": 5})


@pytest.mark.parametrize("password", ["short", "x" * 10, "x" * 201, "ana@example.com", "has a \0 nul inside"])
def test_a_password_that_is_guessed_at_once_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, email="ana@example.com")


def test_a_password_is_known_by_its_hash_and_no_other_is() -> None:
    hashed = hash_password("correct horse", chance=CHANCE)

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed != hash_password("correct horse", chance=CHANCE)
    assert is_password("correct horse", hashed)
    assert not is_password("correct house", hashed)
    assert not is_password("nobody's password", None)
    assert not is_password("correct horse", "no hash at all")
    assert not is_outdated(hashed)
    assert is_outdated(hashed.replace("t=2", "t=1"))


def test_made_up_passwords_are_strong_enough_to_be_kept() -> None:
    made = {made_up(CHANCE) for _ in range(100)}

    assert len(made) == 100
    assert all(check_password(one, email="ana@example.com") == one for one in made)


def test_a_key_is_told_by_its_id_and_proved_by_its_secret() -> None:
    key_id = fresh_id()
    shown = secret_of(key_id, CHANCE)

    assert id_in(shown) == key_id
    assert is_secret(shown, hash_of(shown))
    assert not is_secret(secret_of(key_id, CHANCE), hash_of(shown))


@given(text=st.text() | st.from_regex(r"bat_[0-9a-f]{32}_.*"))
def test_any_text_is_a_key_or_none(text: str) -> None:
    found = id_in(text)
    assert found is None or isinstance(found, UUID)


def test_a_key_that_would_be_over_before_it_begins_or_end_in_no_calendar_is_refused() -> None:
    for expires_at in (NOW, NOW - timedelta(days=1), NOW.replace(tzinfo=None), NOW.replace(year=9_999)):
        with pytest.raises(BadKey):
            check_key(NewApiKey(name="web", permissions=frozenset({"orders.read"}), expires_at=expires_at), now=NOW)


def test_the_csrf_token_is_the_sessions_own_and_does_not_tell_it() -> None:
    token, other = new_token(CHANCE), new_token(CHANCE)

    check_csrf(token, csrf_of(token))
    assert token not in csrf_of(token)
    for given_token in (None, "", csrf_of(other), token, "é"):
        with pytest.raises(WrongCsrfToken):
            check_csrf(token, given_token)


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("nowhere", "nowhere"),
    ],
)
def test_an_address_stands_for_its_household(address: str, home: str) -> None:
    assert home_of(address) == home


def test_who_must_wait_is_told_whole_seconds() -> None:
    allowance = Allowance(name="x", burst=3, each=timedelta(seconds=10))

    assert allowance.wait_s(NOW + timedelta(seconds=30), now=NOW) == 10
    assert allowance.wait_s(NOW + timedelta(seconds=20.5), now=NOW) == 1
    assert of_key("k", 60).burst == 30
