"""The page about setting up a shop is right: its commands, one after the other, lead to the first order."""

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.composition.test_up import first_line, free_port, run, up
from tests.plumbing.places import reachable_place

PAGE = (Path(__file__).parents[2] / "docs" / "setting-up.md").read_text()
WITHIN_S = 30


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_place() as place:
        yield place


def asked_on_the_page() -> Iterator[tuple[str, str, str, str]]:
    """Method, path, body and kind of body of every `ask`, as a shell reads them."""
    for block in re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL):
        for command in re.split(r"^ask ", block, flags=re.MULTILINE)[1:]:
            method, path, *said = shlex.split(command)
            body, kind = [*said, *("", "application/json")[len(said) :]]
            yield method, path, body, kind


def test_the_commands_of_the_page_lead_from_an_empty_database_to_an_order_on_its_way(place: Path) -> None:
    port = free_port()
    with up(place, port, demo_company="false") as batuta:
        first_line(batuta)
        key = run(place, "apikey", "add", "setting-up", "--everything").stdout.strip()
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:
            answers = [ask(client, *one) for one in asked_on_the_page()]
            again = [ask(client, *one) for one in asked_on_the_page() if one[0] == "PUT"]

            *_, quote, placed, told = answers
            assert quote["gross_minor"] == placed["gross_minor"] == 5_480
            assert [one["type"] for one in told["items"]] == [
                "company.channel_saved",
                "pricing.shipping_charges_set",
            ]
            assert offered(client)["lines"]
            assert len(again) > 9
        audited = run(place, "audit")
        assert audited.returncode == 0, audited.stdout


def ask(client: httpx.Client, method: str, path: str, body: str, kind: str) -> Any:
    answer = client.request(method, path, content=body.encode(), headers={"content-type": kind})
    assert answer.is_success, f"{method} {path}: {answer.text}"
    assert not answer.json().get("refused"), f"{method} {path}: {answer.text}"
    return answer.json()


def offered(client: httpx.Client) -> Any:
    """The work of the order, once the house has planned it."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if found := client.get("/api/fulfillment-orders").json()["items"]:
            return found[0]
        time.sleep(0.1)
    raise AssertionError("nobody was offered the order")
