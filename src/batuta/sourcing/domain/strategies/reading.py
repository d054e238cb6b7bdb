"""Reading strategies: all that is wrong with one is said, clause by clause, before it decides anything (SRC-07)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from batuta.kernel.rules import (
    AllOf,
    Catalogue,
    Condition,
    FieldType,
    Problem,
    check,
    compile_condition,
    fields_in,
    read_condition,
    written,
)
from batuta.sourcing.domain.search.candidates import TIES, WEIGHTS, Weights
from batuta.sourcing.domain.strategies.fields import LOCATION_FIELDS, OF_PLACES, ORDER_FIELDS
from batuta.sourcing.domain.strategies.strategies import (
    HardRule,
    SoftRule,
    Strategy,
    WrittenPenalty,
    WrittenRule,
    WrittenStrategy,
)

BYTES_MAX = 1_000_000
CODES_TOLD_MAX = 20

_ALL = "all"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A location that works, as far as no order is asked: values by the names of fields."""

    code: str
    facts: dict[str, Any]


def read_text(text: bytes) -> Any | Problem:
    """What a file says, or why it says nothing."""
    if len(text) > BYTES_MAX:
        return Problem("", "the file is too large", {"bytes_max": BYTES_MAX})
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        return Problem("", "clauses are nested too deep")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Problem("", "this is no JSON", {"why": str(error)})


def read_strategy(raw: Any, places: Sequence[Place] | None = None) -> Strategy | list[Problem]:
    """Read a strategy as it is written in JSON, or say all that is wrong with it.

    places: the locations that work; of a network and of hard rules it is then known whether anybody is left.
    """
    try:
        said = msgspec.convert(raw, WrittenStrategy)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        return [Problem(path.rstrip("`").lstrip("."), reason)]
    except RecursionError:
        return [Problem("", "clauses are nested too deep")]
    problems = [*_conditions(said), *_numbers(said), *_names(said)]
    if problems:
        return problems
    found = _strategy(said)
    problems = [*_against_each_other(found), *_money(found), *(_left_out(found, places) if places else ())]
    return problems or found


def _conditions(said: WrittenStrategy) -> Iterator[Problem]:
    for path, raw, catalogue in _clauses(said):
        for one in check(raw, catalogue):
            yield Problem(f"{path}.{one.path}" if one.path else path, one.reason, one.facts)


def _clauses(said: WrittenStrategy) -> Iterator[tuple[str, Any, Catalogue]]:
    if said.when is not None:
        yield "when", said.when, ORDER_FIELDS
    for kind, rules in (("hard", said.hard), ("soft", said.soft)):
        for i, rule in enumerate(rules):
            yield f"{kind}[{i}].must", rule.must, LOCATION_FIELDS
            if rule.when is not None:
                yield f"{kind}[{i}].when", rule.when, ORDER_FIELDS


def _numbers(said: WrittenStrategy) -> Iterator[Problem]:
    known = sorted(WEIGHTS.__struct_fields__)
    if strange := sorted(set(said.weights) - set(known)):
        yield Problem("weights", "there is no such component of the cost", {"unknown": strange, "known": known})
    elif set(said.weights) == set(known) and not any(said.weights.values()):
        yield Problem("weights", "some component has to count")
    if said.ship_complete and (said.max_splits or said.max_splits_per_line):
        yield Problem("ship_complete", "an order that ships complete is not split")
    if said.max_splits is not None and (said.max_splits_per_line or 0) > said.max_splits:
        yield Problem("max_splits_per_line", "a line is not split more often than its order")
    if said.valid_from and said.valid_until and said.valid_until <= said.valid_from:
        yield Problem("valid_until", "it ends before it begins")


def _names(said: WrittenStrategy) -> Iterator[Problem]:
    codes: Iterable[tuple[str, Sequence[str]]] = (
        ("network", said.network or ()),
        ("ties", said.ties),
        ("hard", [rule.code for rule in said.hard]),
        ("soft", [rule.code for rule in said.soft]),
    )
    for path, names in codes:
        if twice := sorted(name for name, count in Counter(names).items() if count > 1):
            yield Problem(path, "a name comes once", {"twice": twice[:CODES_TOLD_MAX]})


def _strategy(said: WrittenStrategy) -> Strategy:
    return Strategy(
        code=said.code,
        name=said.name,
        owner=said.owner,
        priority=said.priority,
        currency=said.currency,
        valid_from=_utc(said.valid_from),
        valid_until=_utc(said.valid_until),
        when=_read(said.when, ORDER_FIELDS),
        network=tuple(said.network) if said.network is not None else None,
        hard=tuple(HardRule(code=one.code, must=_must(one), when=_read(one.when, ORDER_FIELDS)) for one in said.hard),
        soft=tuple(
            SoftRule(
                code=one.code, must=_must(one), when=_read(one.when, ORDER_FIELDS), penalty_minor=one.penalty_minor
            )
            for one in said.soft
        ),
        ship_complete=said.ship_complete,
        max_splits=said.max_splits,
        max_splits_per_line=said.max_splits_per_line,
        shipment_value_least_minor=said.shipment_value_least_minor,
        split_penalty_minor=said.split_penalty_minor,
        weights=Weights(**said.weights),
        ties=(*said.ties, *(one for one in TIES if one not in said.ties)),
        tiers=dict(said.tiers),
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def _must(rule: WrittenRule | WrittenPenalty) -> Condition:
    found = _read(rule.must, LOCATION_FIELDS)
    assert found is not None
    return found


def _read(raw: Any, catalogue: Catalogue) -> Condition | None:
    if raw is None:
        return None
    found = read_condition(raw, catalogue)
    assert not isinstance(found, Problem)
    return found


def _against_each_other(one: Strategy) -> Iterator[Problem]:
    """Hard rules that hold for every order have to be fulfilled together."""
    always = [(f"hard[{i}].must", rule.must) for i, rule in enumerate(one.hard) if rule.when is None]
    if len(always) < len(("this", "that")):
        return
    together = AllOf(tuple(must for _, must in always))
    for found in check(written(together), LOCATION_FIELDS):
        if found.path == _ALL:
            paths = [_path(name, always) for name in found.facts["clauses"]]
            yield Problem("hard", "no location fulfils these rules together", {**found.facts, "clauses": paths})


def _path(clause: str, always: Sequence[tuple[str, Condition]]) -> str:
    """`all[1].all[0]` of the joined rules as `hard[3].must.all[0]`."""
    first, _, rest = clause.partition("].")
    return ".".join(part for part in (always[int(first.removeprefix("all[").rstrip("]"))][0], rest) if part)


def _money(one: Strategy) -> Iterator[Problem]:
    """Amounts mean nothing without a currency."""
    if one.currency is not None:
        return
    told = "amounts are in a currency: say in which the strategy counts, by `currency`"
    if one.split_penalty_minor is not None:
        yield Problem("split_penalty_minor", told)
    if one.shipment_value_least_minor:
        yield Problem("shipment_value_least_minor", told)
    if one.soft:
        yield Problem("soft", told)
    conditions = [("when", one.when)]
    for i, rule in enumerate(one.hard):
        conditions += [(f"hard[{i}].must", rule.must), (f"hard[{i}].when", rule.when)]
    for path, condition in conditions:
        if condition is not None and any(field.type is FieldType.MONEY for field in fields_in(condition).values()):
            yield Problem(path, told)


def _left_out(one: Strategy, places: Sequence[Place]) -> Iterator[Problem]:
    """What shuts out every location whatever the order; the network first, then rule by rule."""
    left = list(places)
    if one.network is not None:
        known = {place.code for place in places}
        if unknown := [code for code in one.network if code not in known]:
            told = {"unknown": unknown[:CODES_TOLD_MAX]}
            yield Problem("network", "there are no such locations, or they do not work", told)
            return
        left = [place for place in left if place.code in one.network]
    for path, fits in _of_places(one):
        left = [place for place in left if fits(place.facts)]
        if not left:
            yield Problem(path, "with this rule every location is excluded")
            return


def _of_places(one: Strategy) -> Iterator[tuple[str, Callable[[dict[str, Any]], bool]]]:
    """The rules that say the same of a location whatever the order."""
    for i, rule in enumerate(one.hard):
        if rule.when is None and fields_in(rule.must).keys() <= OF_PLACES:
            yield f"hard[{i}].must", compile_condition(rule.must)
