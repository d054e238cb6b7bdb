"""The pages, as a browser without scripts meets them."""

from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar

from batuta.identity.domain import Role
from batuta.ordering.commands import add_holds, place
from batuta.ordering.domain import HoldKind, HoldStatus, NewHold, Order, Placed
from batuta.plumbing.database import Engine
from tests.counting import statements_of
from tests.identity.given import PASSWORD, browser, fresh_address, somebody
from tests.journeys.journey import Journey
from tests.making import fresh_code, fresh_id
from tests.ordering.test_commands import an_order
from tests.web.reading import ACCEPTS, Page, read, reader, send
from tests.world import MADRID


async def bought(journey: Journey, *lines: tuple[str, int], **changes: Any) -> Order:
    """An order that nothing has followed yet."""
    asked = an_order(journey.shop, *(lines or (("chair", 2),)), **changes)
    (outcome,) = await journey.ask(place, orders=[asked])
    assert isinstance(outcome, Placed), outcome
    return await journey.order(asked.id)


async def held(journey: Journey, order: Order, reason: str = "call the customer") -> UUID:
    hold_id = fresh_id()
    hold = NewHold(id=hold_id, order_id=order.id, kind=HoldKind.MANUAL, reason=reason, actor="staff:eva@example.com")
    async with journey.engine.begin() as db:
        await add_holds(db, holds=[hold], now=journey.now)
    return hold_id


async def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(shell: Litestar, engine: Engine) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        client.headers.update(ACCEPTS)
        sent = await client.get("/orders/100?x=1")
        gate = await read(client, sent.headers["location"])
        entered = await send(client, "/sign-in", gate, email=f" {staff.email.upper()} ", password=PASSWORD)
        again = await client.get("/sign-in")

    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Forders%2F100%3Fx%3D1&told=expired")
    assert (entered.status_code, entered.headers["location"]) == (303, "/orders/100?x=1")
    assert (again.status_code, again.headers["location"]) == (303, "/")


async def test_a_program_is_told_so_as_a_problem(shell: Litestar) -> None:
    async with browser(shell) as client:
        answer = await client.get("/orders/100")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_a_wrong_password_is_said_in_words_and_lets_nobody_in(shell: Litestar, engine: Engine) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        client.headers.update(ACCEPTS)
        answer = await client.post("/sign-in", data={"email": staff.email, "password": "not it"})
        empty = await client.post("/sign-in", data={})

    page = Page(answer.text)
    assert answer.status_code == empty.status_code == 401
    assert "El correo y la contraseña no coinciden" in page.words
    assert page.fields["email"] == staff.email
    assert "set-cookie" not in answer.headers


async def test_who_tries_too_often_is_told_for_how_long_to_wait(shell: Litestar, engine: Engine) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        client.headers.update(ACCEPTS)
        for _ in range(20):
            answer = await client.post("/sign-in", data={"email": staff.email, "password": "not it"})

    assert answer.status_code == 429
    assert f"dentro de {answer.headers['retry-after']} segundos" in Page(answer.text).words


async def test_a_form_of_another_site_signs_nobody_in(shell: Litestar, engine: Engine) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        client.headers.update(ACCEPTS | {"origin": "https://elsewhere.example"})
        answer = await client.post("/sign-in", data={"email": staff.email, "password": PASSWORD})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("elsewhere", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "/\t/x"])
async def test_nobody_is_sent_to_another_site(shell: Litestar, engine: Engine, elsewhere: str) -> None:
    staff = await somebody(engine)
    async with browser(shell, address=fresh_address()) as client:
        tongue = await client.get("/language/en", params={"to": elsewhere})
        fields = {"email": staff.email, "password": PASSWORD, "next": elsewhere}
        entered = await client.post("/sign-in", data=fields)

    assert tongue.headers["location"] == entered.headers["location"] == "/"


async def test_who_signs_out_is_out(ana: httpx.AsyncClient) -> None:
    page = await read(ana, "/")
    left = await send(ana, "/sign-out", page)
    after = await ana.get("/")

    assert left.headers["location"] == "/sign-in?told=ended"
    assert after.headers["location"].startswith("/sign-in")


async def test_no_page_runs_scripts_or_is_shown_inside_another_site(ana: httpx.AsyncClient, journey: Journey) -> None:
    order = await bought(journey)
    for address in ("/", f"/orders/{order.number}", f"/orders/{order.number}/cancel", "/orders/none"):
        answer = await ana.get(address)
        policy = answer.headers["content-security-policy"]
        tags = Page(answer.text).tags

        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not [tag for tag, attrs in tags if tag in {"script", "style"} or "style" in attrs]
        assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]


async def test_what_customers_write_stays_text(ana: httpx.AsyncClient, journey: Journey) -> None:
    name = "<script>alert(1)</script>"
    order = await bought(journey, ship_to=msgspec.structs.replace(MADRID, name=name))
    for address in ("/", f"/orders/{order.number}"):
        page = await read(ana, address)
        assert name in page.words
        assert "script" not in [tag for tag, _ in page.tags]


async def test_an_order_is_found_by_its_number_the_channels_an_email_and_a_sku(
    ana: httpx.AsyncClient, journey: Journey
) -> None:
    external_id, email = fresh_code("ext"), f"{fresh_code('Luz')}@example.com"
    order = await bought(journey, ("table", 1), external_id=external_id, email=email)
    other = await bought(journey, ("chair", 1))

    for words in (order.number, f" #{order.number}", external_id, email.upper(), order.lines[0].sku_code):
        page = await read(ana, str(httpx.URL("/", params={"q": words})))
        assert order.number in page.words, words
        assert other.number not in page.words, words
    nothing = await read(ana, "/?q=nobody")
    assert "Ningún pedido coincide" in nothing.words


async def test_views_and_days_narrow_the_list(ana: httpx.AsyncClient, journey: Journey) -> None:
    order, other = await bought(journey), await bought(journey)
    await held(journey, order)
    day = journey.now.date().isoformat()

    async def numbers(address: str) -> set[str]:
        words = (await read(ana, address)).words
        return {one.number for one in (order, other) if one.number in words}

    assert await numbers("/?view=held") == {order.number}
    assert await numbers("/?view=open") == {order.number, other.number}
    assert await numbers("/?view=completed") == set()
    assert await numbers(f"/?since={day}&until={day}") == {order.number, other.number}
    assert await numbers("/?until=2020-01-01") == set()
    assert await numbers(f"/?channel={journey.shop.channel.code}") == {order.number, other.number}


async def test_what_cannot_be_read_of_an_address_is_left_out(ana: httpx.AsyncClient, journey: Journey) -> None:
    order = await bought(journey)

    page = await read(ana, "/?since=yesterday&before=%21%21&view=odd&channel=none&until=9999-12-31")

    assert order.number in page.words
    assert "No se ha entendido la fecha" in page.words


async def test_older_pages_show_every_order_once(ana: httpx.AsyncClient, journey: Journey) -> None:
    """PLT-09."""
    asked = [an_order(journey.shop, ("service", 1)) for _ in range(55)]
    placed = await journey.ask(place, orders=asked)
    wanted = [one.number for one in placed]

    seen: list[str] = []
    address: str | None = "/"
    while address:
        page = await read(ana, address)
        links = [attrs.get("href") or "" for tag, attrs in page.tags if tag == "a"]
        seen += [link.removeprefix("/orders/") for link in links if link.startswith("/orders/")]
        address = next((attrs["href"] for tag, attrs in page.tags if tag == "a" and attrs.get("rel") == "next"), None)

    assert sorted(seen) == sorted(wanted)


async def test_a_page_of_many_orders_asks_no_more_than_one_of_few(
    ana: httpx.AsyncClient, journey: Journey, engine: Engine
) -> None:
    await bought(journey)
    await read(ana, "/")
    with statements_of(engine) as few:
        await read(ana, "/")
    await journey.ask(place, orders=[an_order(journey.shop, ("service", 1), ("chair", 1)) for _ in range(8)])
    with statements_of(engine) as many:
        await read(ana, "/")

    assert len(many) == len(few)


async def test_orders_of_other_channels_are_not_there(
    shell: Litestar, engine: Engine, journey: Journey, ana: httpx.AsyncClient
) -> None:
    """PLT-07."""
    order = await bought(journey)
    hold_id = await held(journey, order)
    async with reader(shell, engine, channel_ids={fresh_id()}) as stranger:
        listed = await read(stranger, "/")
        page = await read(stranger, f"/orders/{order.number}", status=404)
        release = f"/orders/{order.number}/holds/{hold_id}/release"
        released = await send(stranger, release, page, reason="curious")

    assert order.number not in listed.words
    assert "Página no encontrada" in page.words
    assert released.status_code == 404
    assert "Retenido" in (await read(ana, f"/orders/{order.number}")).words


async def test_orders_are_seen_where_they_are_worked_on(shell: Litestar, engine: Engine, journey: Journey) -> None:
    """PLT-07."""
    order_id = await journey.buy(("table", 1), gross_minor=2_990)
    order = await journey.order(order_id)
    south, north = journey.shop.locations["south"].id, journey.shop.locations["north"].id
    async with reader(shell, engine, location_ids={south}) as there, reader(shell, engine, location_ids={north}) as far:
        assert order.number in (await read(there, "/")).words
        await read(there, f"/orders/{order.number}")
        assert order.number not in (await read(far, "/")).words
        await read(far, f"/orders/{order.number}", status=404)


async def test_the_page_tells_the_whole_story_of_an_order(ana: httpx.AsyncClient, journey: Journey) -> None:
    """SRC-12: the reason stands on the page, in the reader's language."""
    order_id = await journey.buy(("chair", 2), gross_minor=5_490)
    await journey.send(order_id)
    await journey.carrier_says(order_id, "in_transit", journey.now)
    order = await journey.order(order_id)
    (parcel,) = await journey.parcels(order_id)

    words = (await read(ana, f"/orders/{order.number}")).words

    assert "2 enviadas" in words
    assert "Se envía 2 desde" in words
    assert "Elegida" in words
    assert "Existencias" in words or "Mismo coste" in words or "más cara" in words
    assert "Cobrados 54,90" in words
    assert parcel.tracking_number is not None
    assert parcel.tracking_number in words
    assert "En camino" in words
    assert "Pedido aceptado" in words
    assert "Confirmación del pedido" in words
    assert "ana@example.com" in words


async def test_a_declined_card_is_said_in_words(ana: httpx.AsyncClient, journey: Journey) -> None:
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, token="tok_declined")

    words = (await read(ana, f"/orders/{(await journey.order(order_id)).number}")).words

    assert "Retenido" in words
    assert "tarjeta rechazada" in words
    assert "Por cubrir 29,90" in words


async def test_units_are_cancelled_once_after_a_look_at_what_would_happen(
    ana: httpx.AsyncClient, journey: Journey
) -> None:
    """ORD-04."""
    order = await bought(journey, ("chair", 2))
    address, field = f"/orders/{order.number}/cancel", f"line-{order.lines[0].id}"

    form = await read(ana, address)
    looked = await send(ana, f"{address}/review", form, **{field: "1"}, reason="too many")
    review = Page(looked.text)
    untouched = await journey.order(order.id)
    changed = Page((await send(ana, f"{address}/change", review)).text)
    done = await send(ana, address, review)
    again = await send(ana, address, review)
    after = await journey.order(order.id)

    assert "Se cancelan al momento" in review.words
    assert "25,00\xa0€ menos" in looked.text
    assert untouched.lines[0].buckets.cancelled == 0
    assert (changed.fields[field], changed.fields["reason"]) == ("1", "too many")
    assert done.headers["location"] == again.headers["location"] == f"/orders/{order.number}?told=cancelled"
    assert after.lines[0].buckets.cancelled == 1
    told = (await read(ana, done.headers["location"])).words
    assert "La cancelación ha quedado registrada" in told
    assert "too many" in told


async def test_the_last_units_take_the_shipping_with_them(ana: httpx.AsyncClient, journey: Journey) -> None:
    order = await bought(journey, ("chair", 1))
    address = f"/orders/{order.number}/cancel"

    form = await read(ana, address)
    looked = await send(ana, f"{address}/review", form, **{f"line-{order.lines[0].id}": "1"}, reason="none")

    assert f"{order.gross_minor / 100:.2f}".replace(".", ",") in looked.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0", "Elige al menos una unidad"),
        ("3", "Son más de las que quedan"),
        ("-1", "Son más de las que quedan"),
        ("1.5", "Son más de las que quedan"),
        ("9" * 30, "Son más de las que quedan"),
        ("²", "Son más de las que quedan"),
    ],
)
async def test_an_impossible_number_of_units_is_asked_for_again(
    ana: httpx.AsyncClient, journey: Journey, typed: str, said: str
) -> None:
    order = await bought(journey, ("chair", 2))
    address = f"/orders/{order.number}/cancel"

    form = await read(ana, address)
    answer = await send(ana, f"{address}/review", form, **{f"line-{order.lines[0].id}": typed}, reason="none")

    assert answer.status_code == 400
    assert said in Page(answer.text).words


async def test_what_was_cancelled_meanwhile_is_told_and_not_cancelled_again(
    ana: httpx.AsyncClient, journey: Journey
) -> None:
    order = await bought(journey, ("chair", 1))
    address = f"/orders/{order.number}/cancel"
    form = await read(ana, address)
    looked = await send(ana, f"{address}/review", form, **{f"line-{order.lines[0].id}": "1"}, reason="none")
    await journey.cancel(order.id)

    late = await send(ana, address, Page(looked.text))

    assert late.status_code == 409
    assert "ya no queda nada que cancelar" in Page(late.text).words


async def test_a_hold_is_released_with_a_reason(ana: httpx.AsyncClient, journey: Journey) -> None:
    order = await bought(journey)
    hold_id = await held(journey, order, "call <b>her</b>")
    page = await read(ana, f"/orders/{order.number}")
    address = f"/orders/{order.number}/holds/{hold_id}/release"

    released = await send(ana, address, page, reason="she said\n\tyes ")
    again = await send(ana, address, page, reason="twice")
    after = await journey.order(order.id)

    assert "call <b>her</b>" in page.words
    assert released.headers["location"] == again.headers["location"] == f"/orders/{order.number}?told=released"
    assert [(one.status, one.ended_because) for one in after.holds] == [(HoldStatus.RELEASED, "she said yes")]
    assert after.holds[0].ended_by is not None
    assert after.holds[0].ended_by.startswith("staff:agent-")


async def test_an_order_that_is_over_is_not_on_hold_whatever_was_left_on_it(
    ana: httpx.AsyncClient, journey: Journey
) -> None:
    order = await bought(journey)
    await held(journey, order)
    await journey.cancel(order.id)

    page = await read(ana, f"/orders/{order.number}")

    assert "Cancelado" in page.words
    assert "Retenido" not in page.words.partition("Historial")[0]
    assert order.number not in (await read(ana, "/?view=held")).words


async def test_a_hold_is_released_on_its_own_order_only(ana: httpx.AsyncClient, journey: Journey) -> None:
    order, other = await bought(journey), await bought(journey)
    hold_id = await held(journey, order)
    page = await read(ana, f"/orders/{other.number}")

    answer = await send(ana, f"/orders/{other.number}/holds/{hold_id}/release", page, reason="no")

    assert answer.status_code == 404
    assert (await journey.order(order.id)).holds[0].status is HoldStatus.ACTIVE


async def test_a_form_without_the_sessions_token_changes_nothing(ana: httpx.AsyncClient, journey: Journey) -> None:
    order = await bought(journey)
    hold_id = await held(journey, order)

    answer = await ana.post(f"/orders/{order.number}/holds/{hold_id}/release", data={"reason": "no", "csrf": "guess"})

    assert answer.status_code == 403
    assert "No se ha cambiado nada" in Page(answer.text).words
    assert (await journey.order(order.id)).holds[0].status is HoldStatus.ACTIVE


async def test_who_may_only_look_is_offered_nothing_else(shell: Litestar, engine: Engine, journey: Journey) -> None:
    """PLT-07."""
    order = await bought(journey)
    hold_id = await held(journey, order)
    async with reader(shell, engine, Role.VIEWER) as viewer:
        page = await read(viewer, f"/orders/{order.number}")
        cancelled = await viewer.get(f"/orders/{order.number}/cancel")
        released = await send(viewer, f"/orders/{order.number}/holds/{hold_id}/release", page, reason="no")

    assert not [attrs for tag, attrs in page.tags if tag == "form" and attrs["action"] != "/sign-out"]
    assert not [attrs for tag, attrs in page.tags if tag == "a" and (attrs.get("href") or "").endswith("/cancel")]
    assert cancelled.status_code == released.status_code == 403
    assert "Sin permiso" in Page(cancelled.text).words


async def test_who_sees_no_orders_is_told_so_and_may_leave(shell: Litestar, engine: Engine) -> None:
    async with reader(shell, engine, Role.PICKER) as picker:
        page = await read(picker, "/", status=403)
        left = await send(picker, "/sign-out", page)

    assert "Tu función no incluye esto" in page.words
    assert left.status_code == 303


async def test_the_language_is_ones_own_until_another_is_chosen(ana: httpx.AsyncClient) -> None:
    own = await read(ana, "/?view=held")
    switch = next(attrs["href"] for tag, attrs in own.tags if tag == "a" and attrs.get("hreflang") == "en")
    chosen = await ana.get(switch or "")
    english = await read(ana, "/?view=held")

    assert "Cerrar sesión" in own.words
    assert chosen.headers["location"] == "/?view=held"
    assert "Sign out" in english.words
    assert english.tags[0] == ("html", {"lang": "en"})


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nowhere", 404),
        ("/orders/999999999", 404),
        ("/orders/%00", 400),
        ("/orders/" + "9" * 300, 400),
        ("/orders/a/b/c", 404),
        ("/orders/1/holds/x/release", 405),
        ("/?q=%00", 400),
        ("/language/fr", 404),
        ("/assets/secrets.txt", 404),
    ],
)
async def test_what_is_not_there_is_a_page_in_words_for_people_and_a_problem_for_programs(
    ana: httpx.AsyncClient, address: str, status: int
) -> None:
    page = await ana.get(address)
    told = await ana.get(address, headers={"accept": "application/json"})

    assert (page.status_code, told.status_code) == (status, status)
    assert page.headers["content-type"].startswith("text/html")
    assert told.headers["content-type"] == "application/problem+json"


async def test_the_files_of_pages_are_kept_for_ever_under_the_address_of_their_content(ana: httpx.AsyncClient) -> None:
    page = await read(ana, "/")
    for address in [attrs["href"] or "" for tag, attrs in page.tags if tag == "link"]:
        answer = await ana.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "?v=" in address
