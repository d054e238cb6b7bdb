"""What conditions of strategies may speak of: the order, its lines and items, who buys, when, and a location."""

from batuta.kernel.rules import Catalogue, Field, FieldType
from batuta.locations.domain import Ability, LocationKind

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ORDER = [
    Field(
        name="order.channel",
        type=FieldType.TEXT,
        label={"es": "el canal", "en": "the channel"},
    ),
    Field(
        name="order.method",
        type=FieldType.TEXT,
        label={"es": "la forma de entrega", "en": "the way of delivery"},
        words=frozenset({"ship", "pickup"}),
    ),
    Field(
        name="order.service_kind",
        type=FieldType.TEXT,
        label={"es": "el tipo de envío", "en": "the kind of service"},
    ),
    Field(
        name="order.value_minor",
        type=FieldType.MONEY,
        label={"es": "el valor del pedido", "en": "the value of the order"},
    ),
    Field(
        name="order.units",
        type=FieldType.NUMBER,
        label={"es": "el número de unidades", "en": "the number of units"},
    ),
    Field(
        name="order.lines",
        type=FieldType.NUMBER,
        label={"es": "el número de líneas", "en": "the number of lines"},
    ),
    Field(
        name="order.attempt",
        type=FieldType.NUMBER,
        label={"es": "el intento de planificación", "en": "the attempt at planning it"},
    ),
    Field(
        name="order.country",
        type=FieldType.TEXT,
        label={"es": "el país de destino", "en": "the country it goes to"},
    ),
    Field(
        name="order.region",
        type=FieldType.TEXT,
        label={"es": "la región de destino", "en": "the region it goes to"},
    ),
    Field(
        name="order.postal_code",
        type=FieldType.TEXT,
        label={"es": "el código postal de destino", "en": "the postal code it goes to"},
    ),
    Field(
        name="order.placed_at",
        type=FieldType.MOMENT,
        label={"es": "el momento de la compra", "en": "the moment it was placed"},
    ),
    Field(
        name="customer.group",
        type=FieldType.TEXT,
        label={"es": "el grupo del cliente", "en": "the customer's group"},
    ),
    Field(
        name="customer.kind",
        type=FieldType.TEXT,
        label={"es": "el tipo de cliente", "en": "the kind of customer"},
        words=frozenset({"person", "company"}),
    ),
]
_TIME = [
    Field(name="time.now", type=FieldType.MOMENT, label={"es": "el momento", "en": "the moment"}),
    Field(
        name="time.day",
        type=FieldType.DAY,
        label={"es": "el día en el destino", "en": "the day where it goes"},
    ),
    Field(
        name="time.weekday",
        type=FieldType.TEXT,
        label={"es": "el día de la semana en el destino", "en": "the weekday where it goes"},
        words=frozenset(WEEKDAYS),
    ),
    Field(
        name="time.hour",
        type=FieldType.NUMBER,
        label={"es": "la hora en el destino", "en": "the hour where it goes"},
    ),
]
_LINE = [
    Field(
        name="line.quantity",
        type=FieldType.NUMBER,
        label={"es": "la cantidad", "en": "the quantity"},
        is_of_line=True,
    ),
    Field(
        name="line.value_minor",
        type=FieldType.MONEY,
        label={"es": "el valor de la línea", "en": "the value of the line"},
        is_of_line=True,
    ),
    Field(
        name="item.skus",
        type=FieldType.WORDS,
        label={"es": "lo que contiene", "en": "what is in it"},
        is_of_line=True,
    ),
    Field(
        name="item.categories",
        type=FieldType.WORDS,
        label={"es": "sus categorías", "en": "its categories"},
        is_of_line=True,
    ),
    Field(
        name="item.weight_g",
        type=FieldType.NUMBER,
        label={"es": "el peso de una unidad en gramos", "en": "the weight of a unit in grams"},
        is_of_line=True,
    ),
    Field(
        name="item.length_mm",
        type=FieldType.NUMBER,
        label={"es": "el largo en milímetros", "en": "the length in millimetres"},
        is_of_line=True,
    ),
]
_PLACE = [
    Field(
        name="location.code",
        type=FieldType.TEXT,
        label={"es": "la ubicación", "en": "the location"},
    ),
    Field(
        name="location.kind",
        type=FieldType.TEXT,
        label={"es": "el tipo de ubicación", "en": "the kind of location"},
        words=frozenset(str(one) for one in LocationKind),
    ),
    Field(
        name="location.abilities",
        type=FieldType.WORDS,
        label={"es": "lo que sabe hacer", "en": "what it can do"},
        words=frozenset(str(one) for one in Ability),
    ),
    Field(
        name="location.country",
        type=FieldType.TEXT,
        label={"es": "el país de la ubicación", "en": "the country of the location"},
    ),
    Field(
        name="location.region",
        type=FieldType.TEXT,
        label={"es": "la región de la ubicación", "en": "the region of the location"},
    ),
    Field(
        name="location.postal_code",
        type=FieldType.TEXT,
        label={"es": "el código postal de la ubicación", "en": "the postal code of the location"},
    ),
]
_DISTANCE = Field(
    name="location.distance_km",
    type=FieldType.NUMBER,
    label={"es": "la distancia en kilómetros", "en": "the distance in kilometres"},
)

OF_PLACES = frozenset(one.name for one in _PLACE)
"""Fields that are the same whatever the order."""

ORDER_FIELDS = Catalogue([*_ORDER, *_TIME, *_LINE])
"""For when a strategy, or one of its rules, speaks of an order."""

LOCATION_FIELDS = Catalogue([*_ORDER, *_TIME, *_LINE, *_PLACE, _DISTANCE])
"""For what a location must be; a distance is not known where either place is not on the map."""

ALL_FIELDS = (*_ORDER, *_TIME, *_LINE, *_PLACE, _DISTANCE)
