"""Labels, read back by a scanner from what a printer of 203 dpi would print."""

import io
import re
from itertools import pairwise

import msgspec
import pytest
import zxingcpp
from PIL import Image

from batuta.kernel.addresses import Address
from batuta.plumbing.database import Connection
from batuta.shipping.commands import give_numbers, label_parcels, open_parcels
from batuta.shipping.domain import GivenNumber, LabelFacts, LabelFormat, Labelled, label_pdf, label_png, zpl
from batuta.shipping.domain.labels import wrap
from batuta.shipping.queries import label_facts, label_pdfs, zpl_labels
from tests.making import NOW, fresh_id
from tests.shipping.making import MALAGA, a_label, a_parcel, given_labelled, given_service


def picture_of(label: LabelFacts) -> Image.Image:
    return Image.open(io.BytesIO(label_png(label))).convert("RGB")


def read_back(label: LabelFacts) -> set[str]:
    return {code.text for code in zxingcpp.read_barcodes(picture_of(label))}


HOSTILE = Address(
    name='#panic("x") *bold* $x^2$ @ref <label> ' + "W" * 150,
    company="ACME `raw` //c /* #include",
    street=["^XA~JA^FD_5E\\&" * 8, "漢字カナ " * 10, "ñ" * 200, "\u202e\x07#set page(width: 1pt) 😀"],
    city="Vila Nova de Famalicão " * 6,
    country="PT",
)


@pytest.mark.parametrize(
    "label",
    [
        a_label(),
        msgspec.structs.replace(a_label(), destination=HOSTILE, origin=HOSTILE, reference="#R$" * 60),
        msgspec.structs.replace(a_label(), service_name={"es": "Urgentísimo " * 30}, carrier_name="Ñ" * 300),
        msgspec.structs.replace(a_label(), tracking_number="1Z 999-AA1.01/23_45"),
    ],
    ids=["ordinary", "hostile", "endless", "foreign number"],
)
def test_a_scanner_reads_both_barcodes_whatever_the_text(label: LabelFacts) -> None:
    assert read_back(label) == {label.tracking_number, f"(00){label.sscc}"}


def test_a_label_is_four_by_six_inches_with_bars_of_whole_dots() -> None:
    picture = picture_of(a_label())
    row = [picture.getpixel((x, 1_000)) for x in range(picture.width)]

    assert picture.size == (812, 1218)
    edges = [x for x in range(1, len(row)) if row[x] != row[x - 1]]
    assert len(edges) == 86
    assert {(right - left) % 4 for left, right in pairwise(edges)} == {0}
    assert set(row) == {(0, 0, 0), (255, 255, 255)}


def test_a_page_is_one_pdf_of_the_same_bytes_each_time() -> None:
    page = label_pdf(a_label())

    assert page.startswith(b"%PDF")
    assert page == label_pdf(a_label())
    assert re.search(rb"/Count 1\b", page)


def test_the_label_speaks_the_language_of_where_it_goes() -> None:
    spanish = a_label()
    english = msgspec.structs.replace(spanish, destination=msgspec.structs.replace(MALAGA, country="IE"))

    assert "ESTÁNDAR 48 H" in zpl(spanish)
    assert "Peso: 1,20 kg" in zpl(spanish)
    assert "STANDARD 48 H" in zpl(english)
    assert "Weight: 1.20 kg" in zpl(english)


def test_zpl_carries_accents_the_tracking_number_and_the_sscc() -> None:
    written = zpl(a_label())

    assert written.startswith("^XA^CI28^PW812^LL1218")
    assert "^FDMaría José Núñez Ibáñez^FS" in written
    assert "^BY4^BCN,150,N,N,N,A^FDSEU000000004270^FS" in written
    assert "^FD>;>800384123450000000424^FS" in written
    assert "(00) 384 12345 00000 00424" in written
    assert len(written) < 1_000


def test_text_too_long_for_the_printer_ends_in_an_ellipsis() -> None:
    written = zpl(msgspec.structs.replace(a_label(), destination=msgspec.structs.replace(MALAGA, name="Ana " * 60)))

    assert "…^FS" in written


def test_a_long_word_is_broken_and_a_line_is_filled_before_it_is_cut() -> None:
    assert wrap("Pedido: " + "R" * 40, width=12, lines=1) == ["Pedido: RRR…"]
    assert wrap("R" * 30, width=12, lines=3) == ["R" * 12, "R" * 12, "R" * 6]
    assert wrap("uno dos tres cuatro", width=8, lines=2) == ["uno dos", "tres cu…"]


@pytest.mark.parametrize("number", ["A", "SEU000000004270", "1Z999AA10123456784", "Z" * 40])
def test_the_bars_of_any_tracking_number_fit_the_paper(number: str) -> None:
    written = zpl(msgspec.structs.replace(a_label(), tracking_number=number))

    found = re.search(r"\^FO(\d+),696\^BY(\d)\^BC", written)
    assert found
    start, dots = int(found[1]), int(found[2])
    widest = 145 if number == "SEU000000004270" else (len(number) + 3) * 11 + 2
    assert start + widest * dots <= 812 - 40
    assert start >= 40


async def test_labels_are_stored_as_printed_and_drawn_when_asked(db: Connection) -> None:
    _, service = await given_service(db)
    [parcel], [number] = await given_labelled(db, service)
    unlabelled = a_parcel(service)
    await open_parcels(db, parcels=[unlabelled], now=NOW)
    ids = [parcel.id, unlabelled.id, fresh_id()]

    facts = await label_facts(db, ids)
    written = await zpl_labels(db, ids)
    pages = await label_pdfs(db, ids)

    assert set(facts) == set(written) == set(pages) == {parcel.id}
    assert facts[parcel.id].tracking_number == number
    assert written[parcel.id] == zpl(facts[parcel.id])
    assert pages[parcel.id] == label_pdf(facts[parcel.id])


async def test_a_pdf_label_can_be_printed_as_zpl_later_with_the_same_numbers(db: Connection) -> None:
    _, service = await given_service(db)
    parcel = a_parcel(service)
    await open_parcels(db, parcels=[parcel], now=NOW)

    [first] = await label_parcels(db, parcel_ids=[parcel.id], label_format=LabelFormat.PDF, now=NOW)
    before = await zpl_labels(db, [parcel.id])
    [again] = await label_parcels(db, parcel_ids=[parcel.id], label_format=LabelFormat.ZPL, now=NOW)

    assert isinstance(first, Labelled)
    assert before == {}
    assert again == first
    assert first.tracking_number in (await zpl_labels(db, [parcel.id]))[parcel.id]


async def test_a_number_given_elsewhere_is_printed_on_our_label(db: Connection) -> None:
    _, service = await given_service(db)
    parcel = a_parcel(service)
    await open_parcels(db, parcels=[parcel], now=NOW)
    await give_numbers(db, numbers=[GivenNumber(parcel_id=parcel.id, tracking_number="1Z999")], now=NOW)

    [answer] = await label_parcels(db, parcel_ids=[parcel.id], label_format=LabelFormat.ZPL, now=NOW)

    assert isinstance(answer, Labelled)
    assert answer.tracking_number == "1Z999"
