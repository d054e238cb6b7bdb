"""The company as saved and read back, on a real PostgreSQL."""

import msgspec
import pytest

from batuta.company.commands import save_brands, save_channels, save_legal_entities
from batuta.company.domain import (
    BadChannel,
    Brand,
    Channel,
    ChannelKind,
    ImplausibleChannel,
    ImplausibleLegalEntity,
    LegalEntity,
    Policies,
    TaxMode,
    UnknownOwner,
    check_channel,
    check_legal_entity,
)
from batuta.company.queries import (
    brands_by_id,
    channels_by_code,
    channels_by_id,
    legal_entities_by_id,
)
from batuta.kernel.codes import CodeIsFixed
from batuta.plumbing.database import Connection
from tests.making import NOW, fresh_code, fresh_id


def an_entity() -> LegalEntity:
    return LegalEntity(
        id=fresh_id(),
        code=fresh_code("LE"),
        name="Casa Lumbre, S.L.",
        country="ES",
        currency="EUR",
        time_zone="Europe/Madrid",
        tax_number="ESB58378431",
        gs1_prefix="8412345",
    )


def a_channel(brand: Brand) -> Channel:
    return Channel(
        id=fresh_id(),
        code=fresh_code("web"),
        name="Tienda en línea",
        brand_id=brand.id,
        kind=ChannelKind.WEB,
        currency="EUR",
        country="ES",
        locale="es",
        tax_mode=TaxMode.INCLUSIVE,
        policies=Policies(return_days=60),
    )


async def given_brand(db: Connection) -> Brand:
    entity = an_entity()
    brand = Brand(id=fresh_id(), code=fresh_code("B"), name="Lumbre", legal_entity_id=entity.id)
    await save_legal_entities(db, legal_entities=[entity], now=NOW)
    assert await save_brands(db, brands=[brand], now=NOW) == [brand]
    return brand


async def test_entity_brand_and_channel_are_read_back_as_saved(db: Connection) -> None:
    brand = await given_brand(db)
    channel = a_channel(brand)

    assert await save_channels(db, channels=[channel], now=NOW) == [channel]
    assert await channels_by_code(db, [channel.code, "none"]) == {channel.code: channel}
    assert await channels_by_id(db, [channel.id]) == {channel.id: channel}
    assert await brands_by_id(db, [brand.id]) == {brand.id: brand}
    [entity] = (await legal_entities_by_id(db, [brand.legal_entity_id])).values()
    assert entity.tax_number == "B58378431"


async def test_a_code_saved_again_keeps_its_id_and_takes_the_new_policies(db: Connection) -> None:
    channel = a_channel(await given_brand(db))
    stricter = msgspec.structs.replace(channel, id=fresh_id(), policies=Policies(lines_max=50))
    await save_channels(db, channels=[channel], now=NOW)

    [again] = await save_channels(db, channels=[stricter], now=NOW)

    assert again == msgspec.structs.replace(stricter, id=channel.id)


async def test_what_belongs_to_nobody_is_refused_and_its_neighbours_are_saved(db: Connection) -> None:
    brand = await given_brand(db)
    good = a_channel(brand)

    answers = await save_channels(
        db,
        channels=[
            msgspec.structs.replace(a_channel(brand), brand_id=fresh_id()),
            good,
            msgspec.structs.replace(a_channel(brand), currency="EURO"),
            msgspec.structs.replace(good, code=fresh_code("other")),
        ],
        now=NOW,
    )
    [orphan] = await save_brands(
        db, brands=[msgspec.structs.replace(brand, code=fresh_code("B"), legal_entity_id=fresh_id())], now=NOW
    )

    assert [type(answer) for answer in answers] == [UnknownOwner, Channel, ImplausibleChannel, CodeIsFixed]
    assert isinstance(orphan, UnknownOwner)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country", "XX"),
        ("country", "es"),
        ("currency", "EUX"),
        ("time_zone", "Europe/Vigo"),
        ("time_zone", "../etc/passwd"),
        ("tax_number", "B58378432"),
        ("gs1_prefix", "84A"),
        ("gs1_prefix", "1234567890123"),
    ],
)
def test_a_legal_entity_that_cannot_be_is_refused_and_the_field_is_named(field: str, value: str) -> None:
    with pytest.raises(ImplausibleLegalEntity) as refusal:
        check_legal_entity(msgspec.structs.replace(an_entity(), **{field: value}))

    assert refusal.value.facts["field"] == field


def test_a_cart_is_not_held_longer_than_the_longest_hold() -> None:
    """RES-03: time to live has a finite maximum."""
    brand = Brand(id=fresh_id(), code="B", name="B", legal_entity_id=fresh_id())
    channel = a_channel(brand)

    for policies in (Policies(cart_hold_minutes=90), Policies(lines_max=0), Policies(hold_minutes_max=100_000)):
        with pytest.raises((BadChannel, ImplausibleChannel)):
            check_channel(msgspec.structs.replace(channel, policies=policies))


def test_a_ban_follows_a_reason_that_locations_give() -> None:
    """SRC-08: others are refused, with those that are known."""
    channel = a_channel(Brand(id=fresh_id(), code="B", name="B", legal_entity_id=fresh_id()))
    known = {"out_of_stock": 3, "no_answer": 0}

    assert check_channel(msgspec.structs.replace(channel, policies=Policies(ban_days=known))).policies.ban_days == known
    for reason in ("no_capacitty", "better_plan"):
        with pytest.raises(ImplausibleChannel) as refusal:
            check_channel(msgspec.structs.replace(channel, policies=Policies(ban_days={**known, reason: 1})))
        assert refusal.value.facts["field"] == "policies.ban_days"
        assert refusal.value.facts["got"] == [reason]
        assert "no_capacity" in str(refusal.value.facts["known"])


def test_policies_stored_before_a_policy_was_born_are_read_with_its_default() -> None:
    assert msgspec.convert({"return_days": 14}, Policies) == Policies(return_days=14)
