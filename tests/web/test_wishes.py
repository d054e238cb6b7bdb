"""What a buyer asked for stands on the order's page, in the reader's language."""

import httpx
import msgspec

from batuta.catalog.commands import save_skus, set_kit_parts, set_recipes
from batuta.catalog.domain import Component, Field, Recipe
from batuta.ordering.commands import place
from batuta.ordering.domain import PlaceLine
from tests.journeys.journey import Journey
from tests.ordering.test_commands import an_order
from tests.web.reading import read


async def test_what_is_engraved_is_read_with_its_line(ana: httpx.AsyncClient, journey: Journey) -> None:
    """FUL-14."""
    table = msgspec.structs.replace(journey.shop.skus["table"], is_made_to_order=True)
    await journey.do(save_skus, skus=[table])
    parts = [Component(sku_id=journey.shop.skus["chair"].id, quantity=1)]
    await journey.do(set_kit_parts, kits={table.id: parts})
    field = Field(code="text", name={"en": "Engraving", "es": "Grabado"})
    await journey.do(set_recipes, recipes={table.id: Recipe(fields=(field,))})
    line = PlaceLine(sku_code=table.code, quantity=1, personalisation={"text": "Para <Eva>"})
    asked = msgspec.structs.replace(an_order(journey.shop, ("table", 1), placed_at=journey.now), lines=[line])
    await journey.do(place, orders=[asked])

    page = await read(ana, f"/orders/{(await journey.order(asked.id)).number}")

    assert "Grabado: Para <Eva>" in page.words
