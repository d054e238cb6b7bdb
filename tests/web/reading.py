"""Reading pages as a browser without scripts does: following addresses, filling in forms."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

import httpx
from litestar import Litestar

from batuta.identity.domain import Role
from batuta.plumbing.database import Engine
from tests.identity.given import PASSWORD, browser, fresh_address, somebody

ACCEPTS = {"accept": "text/html,application/xhtml+xml", "accept-language": "es-ES,es;q=0.9"}


@asynccontextmanager
async def reader(
    shell: Litestar, engine: Engine, role: Role = Role.AGENT, **scope: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody of a role, signed in by the form."""
    staff = await somebody(engine, role, **scope)
    async with browser(shell, address=fresh_address()) as client:
        client.headers.update(ACCEPTS)
        answer = await client.post("/sign-in", data={"email": staff.email, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield client


class Page(HTMLParser):
    """The words and the hidden fields of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._words: list[str] = []
        self.fields: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag == "input" and named.get("name"):
            self.fields[named["name"] or ""] = named.get("value") or ""

    def handle_data(self, data: str) -> None:
        self._words.append(data)


async def read(client: httpx.AsyncClient, address: str, *, status: int = 200) -> Page:
    """The page at an address."""
    answer = await client.get(address)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


async def send(client: httpx.AsyncClient, address: str, page: Page, **fields: str) -> httpx.Response:
    """Send a form of a page, with what is filled in."""
    return await client.post(address, data={**page.fields, **fields})
