"""A decision as a person reads it, in Spanish and in English."""

from collections import defaultdict
from decimal import Decimal

import msgspec
from babel.dates import format_date
from babel.numbers import format_currency

from batuta.kernel.money import exponent_of
from batuta.sourcing.domain.capacity import Full
from batuta.sourcing.domain.decisions import Considered, Decision, Outcome, Verdict
from batuta.sourcing.domain.search.candidates import Costs
from batuta.sourcing.domain.sites import Rule

NAMES_MAX = 5
"""Locations named for one reason; the others are counted."""

_RULES = {
    "en": {
        Rule.INACTIVE: "not active",
        Rule.NOT_THE_PICKUP_LOCATION: "not the store chosen for pickup",
        Rule.LACKS_ABILITY: "cannot do this",
        Rule.CLOSED: "closed",
        Rule.AT_CAPACITY: "has all the work it can take",
        Rule.OTHER_CURRENCY: "counts its costs in another currency",
        Rule.OVERRIDDEN: "somebody chose another location",
        Rule.OUTSIDE_NETWORK: "not in the network of the strategy",
        Rule.STRATEGY: "a rule of the strategy",
        Rule.NO_STOCK: "no stock",
        Rule.BANNED: "gave this back before",
        Rule.NOT_SERVED: "no carrier takes it from there",
        Rule.NOT_ENOUGH: "not enough stock",
        Rule.TOO_MANY_SPLITS: "would split the order too often",
    },
    "es": {
        Rule.INACTIVE: "inactiva",
        Rule.NOT_THE_PICKUP_LOCATION: "no es la tienda elegida para la recogida",
        Rule.LACKS_ABILITY: "no presta este servicio",
        Rule.CLOSED: "cerrada",
        Rule.AT_CAPACITY: "ya tiene todo el trabajo que admite",
        Rule.OTHER_CURRENCY: "lleva sus costes en otra moneda",
        Rule.OVERRIDDEN: "alguien eligió otra ubicación",
        Rule.OUTSIDE_NETWORK: "fuera de la red de la estrategia",
        Rule.STRATEGY: "una regla de la estrategia",
        Rule.NO_STOCK: "sin existencias",
        Rule.BANNED: "ya devolvió este encargo",
        Rule.NOT_SERVED: "ningún transportista lo lleva desde allí",
        Rule.NOT_ENOUGH: "existencias insuficientes",
        Rule.TOO_MANY_SPLITS: "dividiría el pedido demasiado",
    },
}

_COMPONENTS = {
    "en": {
        "freight": "freight",
        "handling": "handling",
        "packaging": "packaging",
        "split": "split",
        "lateness": "lateness",
        "scarcity": "scarcity there",
        "markdown": "markdown saved",
        "margin": "margin gained",
        "preference": "what the strategy would rather have",
    },
    "es": {
        "freight": "transporte",
        "handling": "preparación",
        "packaging": "embalaje",
        "split": "división",
        "lateness": "retraso",
        "scarcity": "escasez allí",
        "markdown": "rebaja evitada",
        "margin": "margen ganado",
        "preference": "lo que prefiere la estrategia",
    },
}
"""What costs are made of, in the order in which they are told."""

_ALWAYS = frozenset({"freight", "handling"})
"""What is told though there is none of it; the others only where there are any."""

_WORDS = {
    "en": {
        "from": "{units} from {name}",
        "sent": "{units} from {name} by transfer to the store",
        "ships": "Ships {sources}: the order costs {total} ({parts}).",
        "none": "No location can serve the {units} units of this line.",
        "one": "No location can serve the one unit of this line.",
        "dearer": "Next best is {name}, {difference} dearer{parts}.",
        "equal": "{name} would cost the same, and comes second by the tie rules.",
        "cheaper": "{name} would be {difference} cheaper{parts}, found after the search was cut off.",
        "split": "{count} locations share it; all of it from {name} would be {difference} dearer.",
        "split_for_less": "{count} locations share it; all of it from {name} would be {difference} cheaper.",
        "must_split": "{count} locations share it, for none can send all of it.",
        "alone": "No other location could have taken its place.",
        "out": "Out: {reasons}.",
        "more": "{names} and {count} more",
        "elsewhere": "{count} other locations have no stock of it.",
        "elsewhere_one": "One other location has no stock of it.",
        "greedy": "The search was cut off; a cheaper plan may exist.",
        "chosen_by": "Chosen by a person: {reason}.",
        "over": "{name} takes it beyond its capacity ({full}).",
        "full": "full: {taken} of {limit} {unit}{method} on {day}",
        "nearly": "too full: {taken} of {limit} {unit}{method} on {day}",
        "hour": "{day} from {hour}:00",
        "ship": " to be shipped",
        "pickup": " to be collected",
        "orders": "orders",
        "lines": "lines",
        "units": "units",
        "packages": "packages",
        "and": " and ",
    },
    "es": {
        "from": "{units} desde {name}",
        "sent": "{units} desde {name} por traspaso a la tienda",
        "ships": "Se envía {sources}: el pedido cuesta {total} ({parts}).",
        "none": "Ninguna ubicación puede servir las {units} unidades de esta línea.",
        "one": "Ninguna ubicación puede servir la unidad de esta línea.",
        "dearer": "La siguiente es {name}, {difference} más cara{parts}.",
        "equal": "{name} costaría lo mismo y queda segunda por las reglas de desempate.",
        "cheaper": "{name} sería {difference} más barata{parts}; se vio tras cortar la búsqueda.",
        "split": "La comparten {count} ubicaciones; todo desde {name} sería {difference} más caro.",
        "split_for_less": "La comparten {count} ubicaciones; todo desde {name} sería {difference} más barato.",
        "must_split": "La comparten {count} ubicaciones, pues ninguna puede enviarlo todo.",
        "alone": "Ninguna otra ubicación podía sustituirla.",
        "out": "Descartadas: {reasons}.",
        "more": "{names} y {count} más",
        "elsewhere": "Otras {count} ubicaciones no tienen existencias.",
        "elsewhere_one": "Otra ubicación no tiene existencias.",
        "greedy": "La búsqueda se cortó; puede haber un plan más barato.",
        "chosen_by": "La eligió una persona: {reason}.",
        "over": "{name} lo asume por encima de su capacidad ({full}).",
        "full": "completa: {taken} de {limit} {unit}{method} el {day}",
        "nearly": "casi completa: {taken} de {limit} {unit}{method} el {day}",
        "hour": "{day} desde las {hour}:00",
        "ship": " de envío",
        "pickup": " de recogida",
        "orders": "pedidos",
        "lines": "líneas",
        "units": "unidades",
        "packages": "paquetes",
        "and": " y ",
    },
}


def components_of(costs: Costs, currency: str, language: str) -> str:
    """What costs are made of, as "freight €4.00, handling €1.20"; language: `en` or `es`."""
    return ", ".join(
        f"{name} {_money(minor, currency, language)}"
        for component, name in _COMPONENTS[language].items()
        if (minor := getattr(costs, f"{component}_minor")) or component in _ALWAYS
    )


def explain(decision: Decision, locale: str) -> str:
    """Say in a few sentences why the line ships from where it ships; in English unless the locale is Spanish."""
    language = "es" if locale.lower().startswith("es") else "en"
    words = _WORDS[language]
    if decision.outcome is Outcome.UNFILLABLE:
        said = [words["one"] if decision.quantity == 1 else words["none"].format(units=decision.quantity)]
    else:
        said = [
            _chosen(decision, words, language),
            _split(decision, words, language),
            _second(decision, words, language),
        ]
    said.append(_out(decision, words, language))
    if decision.override:
        said.insert(1, words["chosen_by"].format(reason=decision.override.reason.rstrip(".")))
        said += [
            words["over"].format(name=one.name, full=full_of(one.full, language))
            for one in decision.considered
            if one.verdict is Verdict.CHOSEN and one.full
        ]
    if decision.elsewhere:
        said.append(words["elsewhere_one" if decision.elsewhere == 1 else "elsewhere"].format(count=decision.elsewhere))
    if decision.is_greedy:
        said.append(words["greedy"])
    return " ".join(one for one in said if one)


def full_of(full: Full, language: str) -> str:
    """Which limit leaves too little room, as "full: 40 of 40 units on 3 June"; language: `en` or `es`."""
    words = _WORDS[language]
    day = format_date(full.day, "d MMMM" if language == "en" else "d 'de' MMMM", locale=language)
    if full.hour is not None:
        day = words["hour"].format(day=day, hour=full.hour)
    return words["full" if full.taken >= full.limit else "nearly"].format(
        taken=full.taken,
        limit=full.limit,
        unit=words[full.unit.value],
        method=words[full.method.value] if full.method else "",
        day=day,
    )


def _chosen(decision: Decision, words: dict[str, str], language: str) -> str:
    costs = decision.costs
    if costs is None or not decision.sources:
        return ""
    units: dict[tuple[str, str], int] = defaultdict(int)
    names = {one.location_id: one.name for one in decision.considered}
    for source in decision.sources:
        units["sent" if source.by_transfer else "from", names[source.location_id]] += source.quantity
    parts = [words[how].format(units=count, name=name) for (how, name), count in units.items()]
    return words["ships"].format(
        sources=_listed(parts, words),
        total=_money(costs.total_minor, decision.currency, language),
        parts=components_of(costs, decision.currency, language),
    )


def _split(decision: Decision, words: dict[str, str], language: str) -> str:
    split = decision.split
    if split is None:
        return ""
    whole = next((one for one in decision.considered if one.location_id == split.whole_id), None)
    if split.whole_id is not None and whole is None:
        return ""
    if whole is None or split.difference_minor is None:
        return words["must_split"].format(count=split.locations)
    difference = _money(abs(split.difference_minor), decision.currency, language)
    words_for = words["split" if split.difference_minor >= 0 else "split_for_less"]
    return words_for.format(count=split.locations, name=whole.name, difference=difference)


def _second(decision: Decision, words: dict[str, str], language: str) -> str:
    if not decision.sources:
        return ""
    second = next((one for one in decision.considered if one.location_id == decision.runner_up_id), None)
    if second is None or decision.difference_minor is None:
        return words["alone"]
    kind = "equal"
    if decision.difference_minor:
        kind = "dearer" if decision.difference_minor > 0 else "cheaper"
    difference = _money(abs(decision.difference_minor), decision.currency, language)
    return words[kind].format(name=second.name, difference=difference, parts=_apart(decision, second, language))


def _apart(decision: Decision, second: Considered, language: str) -> str:
    """By how much each component of the runner-up's plan is above the chosen one's, or below it."""
    if second.costs is None or decision.costs is None:
        return ""
    chosen = msgspec.structs.asdict(decision.costs)
    apart = {name: minor - chosen[name] for name, minor in msgspec.structs.asdict(second.costs).items()}
    parts = [
        f"{name} {'+' if minor > 0 else ''}{_money(minor, decision.currency, language)}"
        for component, name in _COMPONENTS[language].items()
        if (minor := apart[f"{component}_minor"])
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _out(decision: Decision, words: dict[str, str], language: str) -> str:
    by_rule: dict[tuple[Rule, str], list[Considered]] = defaultdict(list)
    for one in decision.considered:
        if one.verdict is Verdict.EXCLUDED and one.rule is not None:
            by_rule[one.rule, full_of(one.full, language) if one.full else one.because].append(one)
    order = list(Rule)
    reasons = []
    for rule, because in sorted(by_rule, key=lambda key: (order.index(key[0]), key[1])):
        names = [one.name for one in by_rule[rule, because]]
        shown = ", ".join(names[:NAMES_MAX])
        if len(names) > NAMES_MAX:
            shown = words["more"].format(names=shown, count=len(names) - NAMES_MAX)
        said = because if rule is Rule.AT_CAPACITY and because else _RULES[language][rule]
        reasons.append(f"{shown} ({said}: {because})" if because and said != because else f"{shown} ({said})")
    return words["out"].format(reasons="; ".join(reasons)) if reasons else ""


def _listed(parts: list[str], words: dict[str, str]) -> str:
    return words["and"].join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _money(amount_minor: int, currency: str, language: str) -> str:
    amount = Decimal(amount_minor).scaleb(-exponent_of(currency))
    return format_currency(amount, currency, locale=language)
