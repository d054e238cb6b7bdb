"""A storefront in a hundred lines: a guest's whole checkout, by the public API only.

    python -m examples.storefront --url http://127.0.0.1:8000 --key bat_…

The key is a storefront's, which looks at goods and opens carts. From then on the guest has the cart's token, as the
browser of a real shop would: every step of the checkout is done with that alone.
"""

import argparse
import time
from typing import Any
from uuid import uuid4

import httpx

TRIES = 5
GUEST = {
    "name": "Ana Ruiz",
    "street": ["Calle de Alcalá 10"],
    "city": "Madrid",
    "postal_code": "28014",
    "country": "ES",
}
TOKEN_OF_THE_CARD = "tok_visa"  # noqa: S105 - what the payment provider's own form gives a browser


class Shop:
    """The API, as whoever the headers name. What is sent again has the key it had, so that it is done once."""

    def __init__(self, url: str, **headers: str) -> None:
        self._client = httpx.Client(base_url=url, headers=headers, timeout=20)

    def get(self, path: str, **params: Any) -> Any:
        return self._ask("GET", path, params=params)

    def post(self, path: str, **body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def put(self, path: str, **body: Any) -> Any:
        return self._ask("PUT", path, json=body)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        key = {} if method == "GET" else {"idempotency-key": str(uuid4())}
        for tries in range(TRIES):
            try:
                answer = self._client.request(method, path, headers=key, **content)
            except httpx.TransportError as error:
                answer = httpx.Response(httpx.codes.SERVICE_UNAVAILABLE, text=str(error))
            if answer.status_code not in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}:
                break
            time.sleep(float(answer.headers.get("retry-after", 2**tries / 10)))
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()


def goods(shop: Shop, channel: str, count: int) -> list[str]:
    """The codes of some goods that can be had now."""
    codes = [sku["code"] for sku in shop.get("/api/skus", kind="good", is_active=True, limit=50)["items"]]
    left = {one["sku_code"]: one["available"] for one in shop.post("/api/availability", sku_codes=codes)["skus"]}
    found = [code for code in codes if left.get(code, 0) > 0][:count]
    print(f"{channel} sells {', '.join(found)}")
    return found


def check_out(url: str, key: str, channel: str) -> str:
    """Buy three goods as a guest; the number of the order."""
    storefront = Shop(url, authorization=f"Bearer {key}")
    wanted = goods(storefront, channel, 3)
    opened = storefront.post("/api/carts", channel_code=channel)
    cart, guest = f"/api/carts/{opened['cart']['id']}", Shop(url, **{"x-cart-token": opened["token"]})

    for code in wanted:
        shown = guest.put(f"{cart}/lines", lines=[{"sku_code": code, "quantity": 1}])
        print(f"  in the cart: {shown['lines'][-1]['name']}, together {shown['totals']['gross_minor'] / 100:.2f}")
    guest.put(f"{cart}/address", ship_to=GUEST, email="ana@example.com", locale="es")
    option = guest.get(f"{cart}/delivery-options")["shipping"][0]
    shown = guest.put(f"{cart}/delivery", service_kind=option["service_kind"])
    print(f"  {option['service_kind']} in {option['days_min']} to {option['days_max']} days")
    held = guest.post(f"{cart}/reservation")
    print(f"  held until {held['until_at']}")
    means = {"method": "card", "amount_minor": shown["totals"]["gross_minor"], "token": TOKEN_OF_THE_CARD}
    placed = guest.post(f"{cart}/order", means=[means])
    print(f"order {placed['number']}: {placed['gross_minor'] / 100:.2f} {placed['currency']}")
    return str(placed["number"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", required=True)
    parser.add_argument("--channel", default="web")
    given = parser.parse_args()
    check_out(given.url, given.key, given.channel)
