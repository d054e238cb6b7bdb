"""A carrier with one service, and parcels of it, made as a merchant makes them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from batuta.kernel.addresses import Address
from batuta.plumbing.database import Connection
from batuta.shipping.commands import (
    hand_over,
    label_parcels,
    open_parcels,
    save_carriers,
    save_services,
    set_rate_cards,
)
from batuta.shipping.domain import (
    Carrier,
    Content,
    HandOver,
    LabelFacts,
    LabelFormat,
    Labelled,
    NewParcel,
    Rate,
    RateCard,
    Scan,
    Service,
    ServiceKind,
    Transit,
    ZoneRule,
)
from tests.making import NOW, fresh_code, fresh_id

MADRID = Address(
    name="Hogar Claro, S.L.",
    street=["Calle de Alcalá, 42", "Nave 3"],
    city="Madrid",
    region="M",
    postal_code="28014",
    country="ES",
)
MALAGA = Address(
    name="María José Núñez Ibáñez",
    street=["Avenida de Andalucía, 7, 4.º B"],
    city="Málaga",
    region="MA",
    postal_code="29007",
    country="ES",
    phone="+34600000000",
)


def a_carrier() -> Carrier:
    return Carrier(id=fresh_id(), code=fresh_code("seur"), name="Mensajería del Sur", gs1_prefix="8412345")


def a_service(carrier: Carrier, *, kind: ServiceKind = ServiceKind.STANDARD) -> Service:
    return Service(
        id=fresh_id(),
        carrier_id=carrier.id,
        code=fresh_code("peninsula"),
        name={"es": "Estándar 48 h", "en": "Standard 48 h"},
        kind=kind,
        weight_max_g=30_000,
        length_max_mm=1_500,
        currency="EUR",
    )


def a_card(service: Service) -> RateCard:
    """Peninsula for everyone in Spain, the Balearic and Canary Islands apart."""
    return RateCard(
        service_id=service.id,
        zones=[
            ZoneRule(origin_country="ES", destination_country="ES", zone="peninsula"),
            ZoneRule(origin_country="ES", destination_country="ES", destination_prefix="07", zone="islands"),
            ZoneRule(origin_country="ES", destination_country="ES", destination_prefix="35", zone="islands"),
            ZoneRule(
                origin_country="ES",
                origin_prefix="28",
                destination_country="ES",
                destination_prefix="28",
                zone="city",
            ),
        ],
        rates=[
            Rate(zone=zone, weight_up_to_g=weight, price_minor=price + weight // 100)
            for zone, price in (("city", 250), ("peninsula", 450), ("islands", 1_250))
            for weight in (1_000, 5_000, 30_000)
        ],
        transits=[
            Transit(zone="city", days_min=1, days_max=1),
            Transit(zone="peninsula", days_min=1, days_max=2),
            Transit(zone="islands", days_min=4, days_max=7),
        ],
    )


async def given_service(db: Connection) -> tuple[Carrier, Service]:
    carrier = a_carrier()
    service = a_service(carrier)
    await save_carriers(db, carriers=[carrier], now=NOW)
    await save_services(db, services=[service], now=NOW)
    await set_rate_cards(db, cards=[a_card(service)], now=NOW)
    return carrier, service


def a_parcel(service: Service | None, *, owner_id: UUID | None = None, weight_g: int = 1_200) -> NewParcel:
    return NewParcel(
        id=fresh_id(),
        owner_id=owner_id or fresh_id(),
        reference="10042-7",
        service_id=service.id if service else None,
        origin=MADRID,
        destination=MALAGA,
        weight_g=weight_g,
        length_mm=400,
        width_mm=300,
        height_mm=200,
        contents=[Content(line_id=fresh_id(), sku_id=fresh_id(), quantity=2)],
    )


async def given_labelled(db: Connection, service: Service, count: int = 1) -> tuple[list[NewParcel], list[str]]:
    """Open and label parcels; return them with their tracking numbers."""
    parcels = [a_parcel(service) for _ in range(count)]
    await open_parcels(db, parcels=parcels, now=NOW)
    answers = await label_parcels(db, parcel_ids=[one.id for one in parcels], label_format=LabelFormat.ZPL, now=NOW)
    return parcels, [one.tracking_number for one in answers if isinstance(one, Labelled)]


async def given_handed_over(db: Connection, service: Service) -> tuple[NewParcel, str]:
    """One parcel in its carrier's hands, with its tracking number."""
    [parcel], [number] = await given_labelled(db, service)
    await hand_over(db, handovers=[HandOver(parcel_id=parcel.id, at=NOW, actor="staff:ana")], now=NOW)
    return parcel, number


def scans_of_a_life(
    carrier: Carrier, number: str, codes: Sequence[str], *, start: datetime = NOW, place: str = "Málaga"
) -> list[Scan]:
    """One scan an hour with these codes."""
    return [
        Scan(
            carrier_code=carrier.code,
            tracking_number=number,
            raw_code=code,
            happened_at=start + timedelta(hours=hour),
            received_at=start + timedelta(hours=hour, minutes=5),
            place=place,
        )
        for hour, code in enumerate(codes, start=1)
    ]


def a_label() -> LabelFacts:
    return LabelFacts(
        carrier_name="Mensajería del Sur",
        service_name={"es": "Estándar 48 h", "en": "Standard 48 h"},
        service_kind=ServiceKind.STANDARD,
        tracking_number="SEU000000004270",
        sscc="384123450000000424",
        reference="10042-7",
        weight_g=1_200,
        origin=MADRID,
        destination=MALAGA,
    )
