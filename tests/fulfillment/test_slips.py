"""Packing slips: what they say, read back from what they look like, and who may print them (INV-14)."""

import io
import re
from typing import Any

import msgspec
import pytest
import zxingcpp
from PIL import Image

from batuta.catalog.domain import Sku, Tracking
from batuta.fulfillment.api import ROUTES
from batuta.fulfillment.commands import agree_to_cancel, request_cancellations
from batuta.fulfillment.domain import (
    AnswerCancellation,
    FulfillmentOrder,
    LotUnits,
    PackingSlip,
    RequestCancellation,
    SlipLine,
    SlipRest,
    said_on,
    slip_pdf,
    slip_pictures,
)
from batuta.fulfillment.queries import packing_slips
from batuta.kernel.addresses import Address
from batuta.ordering.domain import SoldAs
from batuta.plumbing.database import Connection, Engine
from tests.asking import House, a_caller, at, problem
from tests.fulfillment.given import HOME
from tests.fulfillment.orders import ACTOR, World, good, pick_all
from tests.fulfillment.test_capturing import given_lots, given_world, packed_as, receive, units
from tests.making import NOW, fresh_id
from tests.world import sound

DPI = 150
NORTH = Address(company="Almacén Norte", street=["Polígono Ugaldeguren 4"], city="Zamudio", country="ES")
MARKUP = '#panic("x") *bold* $x^2$ @ref <label> `raw` //c /* #include \x00\u202e 😀 '
HOSTILE = Address(
    name=MARKUP + "W" * 150,
    company="漢字カナ " * 20,
    street=["ñ" * 200, "#set page(width: 1pt)"],
    city="Vila Nova de Famalicão " * 6,
    country="ZZ",
)


def a_slip(**changes: Any) -> PackingSlip:
    chair = SlipLine(sku_code="CHAIR", name="Silla de roble", quantity=1_250, unit="unit", serials=("S1", "S2"))
    oil = SlipLine(
        sku_code="OIL",
        name="Aceite",
        quantity=12,
        unit="unit",
        boxes=SoldAs("box", 2),
        lots=(LotUnits(lot="L1", quantity=8), LotUnits(lot="L2", quantity=4)),
    )
    fish = SlipLine(
        sku_code="FISH",
        name="Merluza",
        quantity=1,
        unit="piece",
        weight_g=1_250,
        part_of="Cena",
        wishes=(("Corte", "Rodajas"),),
    )
    return PackingSlip(
        **{
            "locale": "es",
            "brand": "Casa",
            "seller": "Casa Tests, S.L.",
            "tax_number": "B12345674",
            "order_number": "1000183",
            "placed_on": NOW.date().replace(year=2026, month=11, day=20),
            "origin": NORTH,
            "origin_name": "Norte",
            "destination": HOME,
            "customer": HOME.name,
            "number": 1,
            "parcels": 2,
            "carrier": "Seur",
            "tracking_number": "SEU000000004270",
            "lines": (chair, oil, fish),
            "rest": (SlipRest(sku_code="TABLE", name="Mesa", unit="unit", elsewhere=1, later=2),),
            **changes,
        }
    )


def a_hostile_slip() -> PackingSlip:
    endless = MARKUP + "W" * 150
    line = SlipLine(
        sku_code="#R$" * 33,
        name=endless,
        quantity=1_000_000_000,
        unit="W" * 100,
        part_of=endless,
        serials=("S" * 100, MARKUP),
        lots=(LotUnits(lot="W" * 100, quantity=1_000_000_000),),
        wishes=((MARKUP, endless),),
    )
    rest = SlipRest(sku_code="W" * 100, name=endless, unit="W" * 100, elsewhere=10**9, later=10**9)
    return a_slip(
        locale="xx-hostile",
        brand=endless,
        seller=endless,
        origin=HOSTILE,
        origin_name=endless,
        destination=HOSTILE,
        customer=endless,
        carrier=endless,
        tracking_number="9" * 40,
        lines=(line, line),
        rest=(rest, rest),
    )


def pages_of(slip: PackingSlip) -> list[Image.Image]:
    return [Image.open(io.BytesIO(page)).convert("L") for page in slip_pictures(slip, dpi=DPI)]


@pytest.mark.parametrize(
    "slip",
    [a_slip(), a_slip(locale="en-GB"), a_slip(destination=None, carrier="", tracking_number="", rest=())],
    ids=["Spanish", "English", "pickup"],
)
def test_a_scanner_reads_the_order_number_from_the_one_page_of_a_slip(slip: PackingSlip) -> None:
    """INV-14."""
    (page,) = pages_of(slip)

    assert [(code.text, str(code.format)) for code in zxingcpp.read_barcodes(page)] == [("1000183", "Code 128")]
    assert (page.width, page.height) == (round(210 / 25.4 * DPI), round(297 / 25.4 * DPI))


def test_a_slip_is_a_pdf_of_the_same_bytes_each_time() -> None:
    assert slip_pdf(a_slip()).startswith(b"%PDF")
    assert slip_pdf(a_slip()) == slip_pdf(a_slip())


def test_hostile_text_is_printed_as_it_is_within_the_margins() -> None:
    """INV-14: no markup is obeyed, no word runs off the paper, and the number is still read."""
    pages = pages_of(a_hostile_slip())

    assert {code.text for code in zxingcpp.read_barcodes(pages[0])} == {"1000183"}
    margin = round(15 / 25.4 * DPI)
    for page in pages:
        white = Image.new("L", (margin, page.height), 255)
        assert page.crop((0, 0, margin, page.height)).tobytes() == white.tobytes()
        assert page.crop((page.width - margin, 0, page.width, page.height)).tobytes() == white.tobytes()


def test_many_lines_and_serial_numbers_go_on_over_pages() -> None:
    """INV-14: no line is lost, and each page says which of how many it is."""
    lines = tuple(SlipLine(sku_code=f"SKU-{n}", name=f"Cosa {n}", quantity=n + 1, unit="unit") for n in range(200))
    many = tuple(f"{n:015d}" for n in range(2_000))

    of_lines = a_slip(lines=lines)
    of_pieces = a_slip(lines=(msgspec.structs.replace(lines[0], serials=many),))

    assert re.search(rb"/Count [5-9]\b", slip_pdf(of_lines))
    assert len(pages_of(of_pieces)) > 5
    assert len(said_on(of_lines)["lines"]) == 200  # type: ignore[arg-type]


def test_a_slip_speaks_the_language_of_its_order_as_its_country_writes() -> None:
    """INV-14."""
    spanish, english, american = (said_on(a_slip(locale=locale)) for locale in ("es-ES", "en-IE", "en-US"))

    assert spanish["placed"] == "20 de noviembre de 2026"
    assert english["placed"] == "20 November 2026"
    assert american["placed"] == "November 20, 2026"
    assert (spanish["parcel"], english["parcel"]) == ("1 de 2", "1 of 2")
    in_spanish, in_english = quantities(spanish), quantities(english)
    assert in_spanish == [("1.250 ud.", ""), ("2 box", "12 ud."), ("1 piece", "")]
    assert in_english == [("1,250 pc.", ""), ("2 box", "12 pc."), ("1 piece", "")]
    assert rows(spanish, "lines")[2]["notes"] == [("Parte de", "Cena"), ("Corte", "Rodajas"), ("Peso", "1,250 kg")]
    assert rows(english, "lines")[2]["notes"][2] == ("Weight", "1.250 kg")
    assert rows(spanish, "lines")[1]["lots"] == ["L1 (8)", "L2 (4)"]
    assert [(one["elsewhere"], one["later"]) for one in rows(spanish, "rest")] == [("1 ud.", "2 ud.")]
    assert spanish["destination"] == {
        "name": "Ana Ruiz",
        "lines": ["Calle de Alcalá 10", "28014 Madrid", "España"],
    }


def rows(said: dict[str, object], name: str) -> list[dict[str, Any]]:
    found = said[name]
    assert isinstance(found, list)
    return found


def quantities(said: dict[str, object]) -> list[tuple[str, str]]:
    return [(one["quantity"], one["base"]) for one in rows(said, "lines")]


async def slip_of(db: Connection, one: FulfillmentOrder) -> PackingSlip:
    (package,) = [package for package in one.packages if package.unpacked_at is None]
    return (await packing_slips(db, [package.parcel_id]))[package.parcel_id]


async def packed_pieces(db: Connection) -> tuple[World, Sku, FulfillmentOrder]:
    world, chair = await given_world(db, tracking=Tracking.SERIAL)
    await receive(db, world, chair, 2)
    works = await world.offered(db, ("chair", 2))
    await pick_all(db, works)
    return world, chair, good([await packed_as(db, works[0], serials=("S1", "S2"))])[0]


async def test_the_serial_numbers_read_at_packing_stand_on_the_slip(db: Connection) -> None:
    """INV-14."""
    world, chair, packed = await packed_pieces(db)

    slip = await slip_of(db, packed)

    (line,) = slip.lines
    assert (line.sku_code, line.quantity, line.unit, line.serials) == (chair.code, 2, "unit", ("S1", "S2"))
    assert (slip.brand, slip.seller, slip.order_number) == ("Casa", "Casa Tests", packed.order_number)
    assert (slip.number, slip.parcels, slip.rest) == (1, 1, ())
    assert slip.destination == packed.ship_to
    assert slip.origin == world.shop.locations["north"].address
    assert slip.tracking_number
    assert slip.carrier


async def test_the_lots_that_the_shelf_gave_stand_on_the_slip(db: Connection) -> None:
    """INV-14"""
    world, chair = await given_world(db, tracking=Tracking.LOT)
    await given_lots(db, chair, "A", "B")
    await receive(db, world, chair, 2, "A")
    await receive(db, world, chair, 5, "B")
    works = await world.offered(db, ("chair", 3))
    await pick_all(db, works)
    (packed,) = good([await packed_as(db, works[0])])

    assert (await slip_of(db, packed)).lines[0].lots == units(("A", 2), ("B", 1))


async def test_a_slip_is_printed_by_who_sees_the_parcel_while_it_is_packed(engine: Engine) -> None:
    """INV-14, PLT-07."""
    async with engine.begin() as db:
        _, _, packed = await packed_pieces(db)
    parcel_id = packed.packages[0].parcel_id
    house = House(engine, ROUTES)
    here, elsewhere = (house.asked_by(a_caller("shipping.read", **at(id_))) for id_ in (packed.location_id, fresh_id()))
    path = f"/api/parcels/{parcel_id}/packing-slip"

    printed = await here.get(path)

    assert printed.status_code == 200
    assert printed.headers["content-type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-")
    everywhere = house.asked_by(a_caller("shipping.read"))
    assert problem(await elsewhere.get(path)) == (404, "unknown_package")
    assert problem(await everywhere.get(f"/api/parcels/{fresh_id()}/packing-slip")) == (404, "unknown_package")
    assert problem(await house.asked_by(a_caller("orders.read")).get(path)) == (403, "permission_missing")

    async with engine.begin() as db:
        await unpack(db, packed)
    assert problem(await here.get(path)) == (404, "unknown_package")


async def unpack(db: Connection, packed: FulfillmentOrder) -> None:
    """The customer changes their mind, and the location takes everything out again."""
    wish = RequestCancellation(id=fresh_id(), order_id=packed.order_id, reason="changed", actor=ACTOR)
    sound(await request_cancellations(db, requests=[wish], now=NOW))
    yes = AnswerCancellation(cancellation_id=wish.id, fulfillment_order_id=packed.id, actor=ACTOR)
    sound(await agree_to_cancel(db, answers=[yes], now=NOW))
