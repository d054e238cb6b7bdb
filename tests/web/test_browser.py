"""A real browser on the loopback: a journey by hand, and how every page looks."""

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, Page, async_playwright, expect

from batuta.identity.domain import Role
from batuta.ordering.commands import add_holds
from batuta.ordering.domain import HoldKind, NewHold, Order, OrderStatus, Stage
from batuta.plumbing.database import Engine
from tests.identity.given import PASSWORD, somebody
from tests.journeys.journey import Journey
from tests.making import fresh_id
from tests.web.looks import FAULTS
from tests.web.test_rerouting import asked
from tests.world import MADRID

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SCREENS = {
    "desktop": (1440, 900, "light"),
    "tablet": (900, 1100, "dark"),
    "phone": (390, 844, "light"),
    "smallest phone": (320, 640, "dark"),
}

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium: apt-get install chromium, or name it in CHROMIUM"
)


@pytest.fixture
async def address(shell: Litestar) -> AsyncIterator[str]:
    """Where the pages are served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(shell, log_config=None, log_level="warning", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells no event
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def order(journey: Journey) -> Order:
    """Two chairs that a location is asked for, and that somebody holds before they may leave."""
    endless = msgspec.structs.replace(MADRID, name="Wolfeschlegelsteinhausen" * 4, street=["Donaudampfschiff" * 6])
    order_id = await journey.buy(("chair", 2), ("service", 1), gross_minor=7_990, ship_to=endless)
    hold = NewHold(
        id=fresh_id(),
        order_id=order_id,
        kind=HoldKind.MANUAL,
        reason="llamar antes de enviar",
        actor="staff:eva@example.com",
        blocks=Stage.SHIP,
    )
    async with journey.engine.begin() as db:
        await add_holds(db, holds=[hold], now=journey.now)
    return await journey.order(order_id)


async def sign_in(page: Page, address: str, email: str) -> None:
    await page.goto(f"{address}/")
    await page.get_by_label("Correo electrónico").fill(email)
    await page.get_by_label("Contraseña").fill(PASSWORD)
    await _press(page, "Entrar")


async def test_an_agent_finds_an_order_reads_why_cancels_a_unit_and_releases_a_hold(
    chromium: Browser, address: str, engine: Engine, journey: Journey, order: Order
) -> None:
    """SRC-12, ORD-04: all of it without a script, as the browser runs none."""
    staff = await somebody(engine, Role.AGENT)
    context = await chromium.new_context(locale="es-ES", java_script_enabled=False)
    page = await context.new_page()

    await sign_in(page, address, staff.email)
    await page.get_by_role("searchbox").fill(order.number)
    await page.get_by_role("searchbox").press("Enter")
    await page.get_by_role("link", name=order.number).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Pedido {order.number}")

    await page.get_by_text("Por qué desde aquí").first.click()
    await expect(page.get_by_role("cell", name="Elegida").first).to_be_visible()
    await expect(page.get_by_text("el pedido cuesta").first).to_be_visible()

    await page.get_by_role("link", name="Cancelar unidades").click()
    await page.get_by_label("Unidades que cancelar de chair").fill("1")
    await page.get_by_label("Motivo").fill("ha cambiado de idea")
    await page.get_by_role("button", name="Revisar").click()
    await expect(page.get_by_text("Se piden a la ubicación, que puede negarse")).to_be_visible()
    assert (await journey.order(order.id)).lines[0].buckets.cancelled == 0
    await page.get_by_role("button", name="Sí, cancelar").click()
    await expect(page.get_by_role("status")).to_contain_text("Se ha pedido a la ubicación que pare")
    await journey.pass_time(seconds=1)
    assert (await journey.order(order.id)).lines[0].buckets.cancelled == 1

    await page.get_by_text("Liberar", exact=True).click()
    await page.get_by_label("Motivo").fill("hablado con ella")
    await page.get_by_role("button", name="Liberar retención").click()
    await expect(page.get_by_role("status")).to_have_text("Se ha liberado la retención.")
    await expect(page.get_by_text("hablado con ella")).to_be_visible()
    await expect(page.get_by_text("1 cancelada")).to_be_visible()

    await page.get_by_text("Tu cuenta").locator("..").click()
    await page.get_by_role("button", name="Cerrar sesión").click()
    await expect(page.get_by_text("Has cerrado la sesión.")).to_be_visible()
    await page.go_back()
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Iniciar sesión")
    assert (await journey.order(order.id)).status is OrderStatus.IN_PROGRESS
    await context.close()


@pytest.mark.parametrize("screen", SCREENS)
async def test_every_page_fits_its_screen_and_can_be_read_and_used(
    chromium: Browser, address: str, engine: Engine, order: Order, screen: str
) -> None:
    staff = await somebody(engine, Role.AGENT)
    width, height, scheme = SCREENS[screen]
    context = await chromium.new_context(
        locale="es-ES",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    await page.goto(f"{address}/sign-in?told=expired")
    faults = await _faults(page, "sign-in")
    await sign_in(page, address, staff.email)
    for path in ("/", "/?view=held&channel=x&since=2026-01-01", "/?q=nobody", f"/orders/{order.number}"):
        await page.goto(address + path)
        await _unfold(page)
        faults += await _faults(page, path)
    assert complaints == []
    faults += await _cancelling(page, address, order)
    await page.goto(f"{address}/nowhere")
    faults += await _faults(page, "nowhere")

    assert faults == []
    await context.close()


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_customer_chooses_on_every_screen(chromium: Browser, address: str, story: Journey, screen: str) -> None:
    """SRC-16: without a script, and in the language of the order."""
    width, height, scheme = SCREENS[screen]
    order_id, link = await asked(story, ("chair", 2), ("table", 1))
    context = await chromium.new_context(
        locale="en-US",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    page = await context.new_page()

    await page.goto(f"{address}/reroutes/{link}")
    faults = await _faults(page, "ways")
    await page.get_by_role("link", name=re.compile(r"Elegir ?: Recogerlo en east \+ Que me lo enviéis")).click()
    faults += await _faults(page, "confirm")
    for label, text in (("Nombre", "Ana"), ("Calle y número", "Calle Mayor 1"), ("Población", "Getafe")):
        await page.get_by_label(label).fill(text)
    await page.get_by_label("Código postal").fill("99999")
    await _press(page, "Confirmar")
    faults += await _faults(page, "no such postal code")
    await page.get_by_label("Código postal").fill("28901")
    await _press(page, "Confirmar")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Hemos anotado lo que has elegido")
    faults += await _faults(page, "done")
    await page.goto(f"{address}/reroutes/{link[:-2]}AA")
    faults += await _faults(page, "no such link")

    assert faults == []
    assert all(line.route for line in (await story.order(order_id)).lines)
    await context.close()


async def _cancelling(page: Page, address: str, order: Order) -> list[str]:
    await page.goto(f"{address}/orders/{order.number}/cancel")
    faults = await _faults(page, "cancel")
    await page.get_by_label("Motivo").fill("x")
    await _press(page, "Revisar")
    faults += await _faults(page, "nothing chosen")
    await page.get_by_label("Unidades que cancelar de chair").fill("2")
    await _press(page, "Revisar")
    return faults + await _faults(page, "review")


async def _press(page: Page, name: str) -> None:
    """Press a button that leads to another page, and wait until that is there whole."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=name).click()


async def _unfold(page: Page) -> None:
    """Open all that is folded but the menu, which lies over the page."""
    await page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true })")


async def _faults(page: Page, where: str) -> list[str]:
    return [f"{where}: {fault}" for fault in await page.evaluate(FAULTS)]
