"""Examples of what schemas describe: short, true to the schema, and always the same."""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

DEPTH_MAX: Final = 12
ID: Final = "019aaa4e-5c00-7000-8000-000000000001"
MOMENT: Final = "2026-11-22T09:30:00Z"
BY_FORMAT: Final = {"uuid": ID, "date-time": MOMENT, "date": "2026-11-22", "time": "09:30:00", "duration": "PT1H"}
BY_NAME: Final[Mapping[str, Any]] = {
    "actor": "staff:ana@example.com",
    "address": "ana@example.com",
    "amount_minor": 1999,
    "carrier_code": "correos",
    "channel_code": "web-es",
    "city": "Madrid",
    "code": "MADRID",
    "company": "",
    "country": "ES",
    "currency": "EUR",
    "day": "2026-11-22",
    "destination_country": "ES",
    "email": "ana@example.com",
    "event_type": "ordering.order_placed",
    "external_id": "WEB-10042",
    "gs1_prefix": "8412345",
    "locale": "es",
    "location_code": "MADRID",
    "method": "card",
    "name": "Ana García",
    "next": None,
    "note": "Left at the counter",
    "number": "100042-7",
    "origin_country": "ES",
    "phone": "+34600000000",
    "postal_code": "28013",
    "provider": "test",
    "quantity": 2,
    "rate_bp": 2100,
    "reason": "The customer asked for it",
    "region": "M",
    "service_kind": "standard",
    "sku_code": "SILLA-ROBLE",
    "street": ["Calle Mayor 1"],
    "tax_category": "standard",
    "text": "silla",
    "time_zone": "Europe/Madrid",
    "token": "tok_visa",
    "tracking_number": "PK0000000001ES",
    "url": "https://shop.example/hooks/batuta",
    "version": 1,
    "zone": "peninsula",
}


def example_of(schema: Schema, components: Mapping[str, Schema], *, name: str = "", depth: int = 0) -> Any:
    """Something that the schema describes: what it requires, and what else has a usual value.

    name: of the property it is the value of.
    """
    for given in ("const", "default"):
        if schema.get(given):
            return schema[given]
    if ref := schema.get("$ref"):
        return example_of(components[ref.rpartition("/")[2]], components, name=name, depth=depth + 1)
    for several in ("examples", "enum"):
        if schema.get(several):
            return schema[several][0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        real = [choice for choice in choices if choice.get("type") != "null"]
        return example_of(real[0], components, name=name, depth=depth + 1) if real and depth < DEPTH_MAX else None
    return _plain(schema, components, name, depth)


def _plain(schema: Schema, components: Mapping[str, Schema], name: str, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, components, depth)
    usual = BY_NAME.get(name)
    if kind == "array":
        return usual if isinstance(usual, list) else _array(schema, components, name, depth)
    if kind == "string":
        return _string(schema, usual)
    if kind in {"integer", "number"}:
        wanted = usual if isinstance(usual, int) and not isinstance(usual, bool) else 1
        return max(schema.get("minimum", wanted), min(wanted, schema.get("maximum", wanted)))
    return {"boolean": True}.get(str(kind))


def _object(schema: Schema, components: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    shown = {
        key: example_of(value, components, name=key, depth=depth + 1)
        for key, value in schema.get("properties", {}).items()
        if key in required or (key in BY_NAME and BY_NAME[key] and depth < DEPTH_MAX and not _may_be_null(value))
    }
    if not shown and not required:
        # Where a body may leave out everything, it usually means: say at least one of these.
        usual = next((key for key in schema.get("properties", {}) if BY_NAME.get(key)), None)
        shown = {usual: BY_NAME[usual]} if usual else {}
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping) and not shown and depth < DEPTH_MAX:
        key = _string(schema.get("propertyNames", {}), "name")
        shown[key] = example_of(more, components, depth=depth + 1)
    return shown


def _array(schema: Schema, components: Mapping[str, Schema], name: str, depth: int) -> list[Any]:
    if prefix := schema.get("prefixItems"):
        return [example_of(one, components, depth=depth + 1) for one in prefix]
    items = schema.get("items")
    if not isinstance(items, Mapping) or depth > DEPTH_MAX or schema.get("maxItems") == 0:
        return []
    one = example_of(items, components, name=name.removesuffix("s"), depth=depth + 1)
    return [one] * max(1, schema.get("minItems", 1))


def _string(schema: Schema, usual: Any) -> str:
    if schema.get("format") in BY_FORMAT:
        return BY_FORMAT[schema["format"]]
    if schema.get("contentEncoding") == "base64":
        return "aG9sYQ=="
    text = usual if isinstance(usual, str) else "text"
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema.get("maxLength", len(text))]


def _may_be_null(schema: Schema) -> bool:
    return schema.get("default", "") is None or any(one.get("type") == "null" for one in schema.get("anyOf", ()))
