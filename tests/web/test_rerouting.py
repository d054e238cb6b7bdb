"""The pages behind the link of a customer whose store cannot serve them (SRC-16)."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar

from batuta.company.commands import save_channels
from batuta.company.domain import Policies, RerouteKind
from batuta.fulfillment.domain import FulfillmentStatus
from batuta.fulfillment.domain import Method as WorkMethod
from batuta.orchestration.api import ROUTES
from batuta.ordering.domain import OrderStatus
from batuta.ordering.domain.rerouting import link_of
from batuta.ordering.queries import reroutes_of
from batuta.plumbing.database import Engine
from batuta.sourcing.queries import promise_secret
from tests.asking import House, a_caller, problem
from tests.identity.given import browser
from tests.journeys.journey import Journey
from tests.journeys.test_rerouted import pickup, say_no
from tests.making import fresh_id
from tests.web.reading import ACCEPTS, Page, read, reader, send
from tests.world import sound


async def asked(journey: Journey, *lines: tuple[str, int], **changes: Any) -> tuple[UUID, str]:
    """An order that its store cannot have ready, and the link that its customer gets."""
    order_id = await pickup(journey, *(lines or (("chair", 2),)), **changes)
    await say_no(journey, order_id)
    async with journey.engine.connect() as db:
        (question,) = await reroutes_of(db, order_id)
        return order_id, link_of(question, await promise_secret(db))


@pytest.fixture
async def customer(shell: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(shell) as client:
        client.headers.update(ACCEPTS)
        yield client


async def followed(journey: Journey, order_id: UUID) -> list[tuple[UUID, WorkMethod]]:
    await journey.pass_time(seconds=1)
    work = await journey.work(order_id)
    return [(one.location_id, one.method) for one in work if one.status is FulfillmentStatus.OFFERED]


async def test_a_customer_chooses_another_store_on_a_page(
    shell: Litestar, engine: Engine, story: Journey, customer: httpx.AsyncClient
) -> None:
    """SRC-16."""
    order_id, link = await asked(story)
    page = await read(customer, f"/reroutes/{link}")
    assert "north no puede prepararte esto" in page.words
    assert "Recogerlo en south" in page.words
    assert "28014" in str(page.fields)
    (address,) = (one["href"] for tag, one in page.tags if tag == "a" and "store%3A" in (one.get("href") or ""))
    assert address

    sent = await send(customer, f"/reroutes/{link}", await read(customer, address))

    assert (sent.status_code, sent.headers["location"]) == (303, f"/reroutes/{link}")
    assert "Hemos anotado lo que has elegido" in (await read(customer, f"/reroutes/{link}")).words
    assert await followed(story, order_id) == [(story.shop.locations["south"].id, WorkMethod.PICKUP)]
    async with reader(shell, engine, channel_ids={story.shop.channel.id}) as ana:
        order = await story.order(order_id)
        assert "El cliente ha elegido: south" in (await read(ana, f"/orders/{order.number}")).words
    again = await send(customer, f"/reroutes/{link}", await read(customer, address))
    assert again.status_code == 303
    assert len(await followed(story, order_id)) == 1


async def test_a_customer_gives_the_address_of_a_delivery(story: Journey, customer: httpx.AsyncClient) -> None:
    """SRC-16: what is wrong with it is said, and nothing that was typed is lost."""
    order_id, link = await asked(story)
    form = await read(customer, f"/reroutes/{link}?choice=delivery&country=ES&postal_code=28901")
    home = {"name": "Ana", "street": "Calle Mayor 1", "city": "Getafe", "country": "ES"}
    assert form.fields["postal_code"] == "28901"

    nowhere = await send(customer, f"/reroutes/{link}", form, **home, postal_code="99999")
    page = Page(nowhere.text)
    assert (nowhere.status_code, page.fields["street"]) == (409, "Calle Mayor 1")
    assert "Ese código postal no existe" in page.words
    townless = await send(customer, f"/reroutes/{link}", form, **{**home, "city": " "}, postal_code="28901")
    assert (townless.status_code, "La dirección no está completa" in townless.text) == (409, True)
    sooner = await send(customer, f"/reroutes/{link}", form, **home, postal_code="28901", p90_on="2020-01-01")
    assert (sooner.status_code, "ha cambiado mientras" in sooner.text) == (409, True)
    sent = await send(customer, f"/reroutes/{link}", form, **home, postal_code="28901")

    assert sent.status_code == 303
    assert await followed(story, order_id) == [(story.shop.locations["south"].id, WorkMethod.SHIP)]
    order = await story.order(order_id)
    assert [line.route.ship_to.city for line in order.lines if line.route] == ["Getafe"]


async def test_a_page_asks_for_no_address_where_nothing_is_delivered(
    engine: Engine, story: Journey, customer: httpx.AsyncClient
) -> None:
    """SRC-16: as the channel says."""
    policies = msgspec.structs.replace(story.shop.channel.policies, reroute_choices=(RerouteKind.STORE,))
    async with engine.begin() as db:
        channel = msgspec.structs.replace(story.shop.channel, policies=policies)
        sound(await save_channels(db, channels=[channel], now=story.now))
    _, link = await asked(story)

    page = await read(customer, f"/reroutes/{link}")

    assert page.fields == {}
    assert "Recogerlo en south" in page.words
    assert "Cancelarlo" not in page.words


async def test_a_link_that_asks_nothing_says_so(story: Journey, customer: httpx.AsyncClient) -> None:
    """SRC-16: forged, and of an order that an agent cancelled."""
    order_id, link = await asked(story)

    forged = await read(customer, f"/reroutes/{link[:-3]}AAA", status=404)
    await story.cancel(order_id)
    over = await read(customer, f"/reroutes/{link}", status=409)

    assert "Este enlace no funciona" in forged.words
    assert "Ya no queda nada que elegir" in over.words


async def test_programs_ask_and_choose_by_the_same_link(engine: Engine, story: Journey) -> None:
    """SRC-16."""
    house = House(engine, ROUTES)
    order_id, link = await asked(story)
    path = f"/api/reroutes/{link}"
    nobody = house.client()
    told = (await nobody.get(path)).json()
    assert (told["store_name"], told["postal_code"]) == ("north", "28014")
    assert [one["kind"] for one in told["choices"]] == ["store", "delivery", "wait", "cancel"]
    assert "Ana" not in str(told)
    assert "Alcal" not in str([one for one in told["choices"] if one["kind"] != "store"])
    store, delivery = told["choices"][0], told["choices"][1]

    def body(one: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return {"choice": one["id"], "price_minor": one["price_minor"], "p90_on": one["p90_on"], **changes}

    assert problem(await nobody.get(path, params={"country": "ES"})) == (409, "half_a_place")
    nowhere = {"country": "ES", "postal_code": "99999"}
    assert problem(await nobody.get(path, params=nowhere)) == (409, "unknown_postal_code")
    assert problem(await nobody.post(path, json=body(delivery))) == (409, "address_missing")
    dearer = await nobody.post(path, json=body(store, price_minor=-1))
    assert problem(dearer) == (409, "choice_has_changed")
    assert dearer.json()["facts"]["price_minor"] == 0
    assert problem(await nobody.post(path, json=body(store, choice="store:moon"))) == (409, "choice_is_gone")
    key = {"idempotency-key": str(fresh_id())}
    answers = [await nobody.post(path, json=body(store), headers=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["id"] == store["id"]
    assert problem(await nobody.post(path, json=body(store))) == (409, "link_is_used")
    assert problem(await nobody.get(path)) == (409, "link_is_used")
    agent = house.asked_by(a_caller("orders.read"))
    (kept,) = (await agent.get(f"/api/orders/{order_id}/reroutes")).json()["items"]
    assert (kept["chosen"]["id"], kept["chosen_by"]) == (store["id"], "customer:link")
    stranger = house.asked_by(a_caller("orders.read", channel_ids=frozenset({fresh_id()})))
    assert problem(await stranger.get(f"/api/orders/{order_id}/reroutes")) == (404, "unknown_order")
    await story.pass_time(seconds=1)
    assert (await story.order(order_id)).status is OrderStatus.IN_PROGRESS


async def test_a_link_is_not_asked_without_end(engine: Engine, story: Journey) -> None:
    """SRC-16: each look is a search."""
    _, link = await asked(story)
    nobody = House(engine, ROUTES).client()

    statuses = [(await nobody.get(f"/api/reroutes/{link}")).status_code for _ in range(40)]

    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429


def test_no_customer_is_asked_unless_the_channel_has_a_page() -> None:
    assert Policies().reroute_url == ""
