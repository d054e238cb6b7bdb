"""What was agreed, is made, is brought and comes back of an order stands on its page, in the reader's language."""

import re

import httpx
import msgspec
from litestar import Litestar

from batuta.catalog.commands import save_skus, set_kit_parts, set_recipes
from batuta.catalog.domain import Component, Instruction, Recipe
from batuta.company.domain import Policies, ShipMode, ShipTerms
from batuta.fulfillment.commands import accept
from batuta.fulfillment.domain import Accept, FulfillmentStatus
from batuta.identity.domain import Role
from batuta.plumbing.database import Engine
from tests.journeys.journey import SELLER, Journey
from tests.journeys.test_returned_goods import announced, counted_in, delivered
from tests.journeys.test_ship_to_store import bought_for, lanes, sent, transfers
from tests.web.reading import read, reader
from tests.world import build_carrier, build_shop


async def test_what_was_agreed_and_promised_is_read(ana: httpx.AsyncClient, journey: Journey) -> None:
    """ORD-09, PRM-05: with the name of the clock that the times are of."""
    terms = ShipTerms(mode=ShipMode.COMPLETE, max_wait_days=3)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, ship_terms=terms)

    words = (await read(ana, f"/orders/{(await journey.order(order_id)).number}")).words

    assert "se envía completo, desde una ubicación" in words
    assert "espera como mucho hasta el" in words
    assert "Prometido para" in words
    assert "Horas de Europe/Madrid" in words
    assert re.search(r", \d\d:\d\d CES?T ·", words), "the time of placing names its clock"
    assert "España" in words


async def test_what_comes_back_is_read_with_where_it_is(ana: httpx.AsyncClient, journey: Journey) -> None:
    order_id = await delivered(journey, 2, gross_minor=5_490)
    number = (await journey.order(order_id)).number
    assert "Devoluciones" not in (await read(ana, f"/orders/{number}")).words

    back = await announced(journey, order_id, 1)
    waiting = (await read(ana, f"/orders/{number}")).words
    await counted_in(journey, back, 1)
    arrived = (await read(ana, f"/orders/{number}")).words

    assert "Devoluciones 1" in waiting
    assert "Etiqueta enviada" in waiting
    assert "en north" in arrived
    assert "Recibida" in arrived


async def test_the_packing_slip_of_each_parcel_is_a_link_away(
    shell: Litestar, engine: Engine, ana: httpx.AsyncClient, journey: Journey
) -> None:
    """INV-14: to whoever works where it was packed."""
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    await journey.prepare(order_id)
    (parcel,) = await journey.parcels(order_id)
    path = f"/orders/{(await journey.order(order_id)).number}"
    link = ("a", {"href": f"/api/parcels/{parcel.id}/packing-slip"})

    page = await read(ana, path)

    assert link in page.tags
    assert f"Albarán de entrega (PDF) : {parcel.tracking_number}" in page.words
    work = (await journey.work(order_id))[0]
    async with reader(shell, engine, Role.STORE, location_ids={work.location_id}) as here:
        assert link in (await read(here, path)).tags


async def test_what_is_made_is_read_with_its_steps(ana: httpx.AsyncClient, journey: Journey) -> None:
    """FUL-14."""
    table = msgspec.structs.replace(journey.shop.skus["table"], is_made_to_order=True)
    await journey.do(save_skus, skus=[table])
    await journey.do(set_kit_parts, kits={table.id: [Component(sku_id=journey.shop.skus["chair"].id, quantity=1)]})
    steps = (Instruction(text={"es": "Lijar"}), Instruction(text={"es": "Barnizar"}))
    await journey.do(set_recipes, recipes={table.id: Recipe(steps=steps)})
    order_id = await journey.buy(("table", 1), gross_minor=2_990)
    for id_ in await journey.ids(order_id, FulfillmentStatus.OFFERED):
        await journey.do(accept, acceptances=[Accept(fulfillment_order_id=id_, actor=SELLER)])

    words = (await read(ana, f"/orders/{(await journey.order(order_id)).number}")).words

    assert "Por encargo 1" in words
    assert "0 de 2 pasos firmados" in words
    assert "Por hacer" in words


async def test_what_is_brought_to_the_store_is_read(shell: Litestar, engine: Engine) -> None:
    """FUL-12."""
    async with engine.begin() as db:
        policies = Policies(are_messages_muted=True, label_format="zpl")
        shop = await build_shop(db, stock={"chair": {"store": 0, "center": 3}}, policies=policies)
        await build_carrier(db)
    journey = Journey(engine, shop)
    await lanes(journey, "store", "center")
    order_id = await bought_for(journey, "store", ("chair", 2), gross_minor=5_000)
    (one,) = await transfers(journey, order_id)
    await sent(journey, one)

    async with reader(shell, engine, channel_ids={shop.channel.id}) as ana:
        words = (await read(ana, f"/orders/{(await journey.order(order_id)).number}")).words

    assert "De camino a la tienda center → store" in words
    assert "Enviado" in words
