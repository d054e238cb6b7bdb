"""What two versions of a strategy say differently, line by line."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_NOTHING = object()


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is said otherwise. path: as `hard[no-stores].must.value`. before, after: None is not said."""

    path: str
    before: Any = None
    after: Any = None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What the second document says otherwise than the first. Rules are the same rule by their codes."""
    return list(_differ("", before, after))


def told(found: Difference) -> str:
    """A difference as text: what was with a minus, what is with a plus."""
    lines = [found.path]
    lines += [
        f"  {sign} {msgspec.json.encode(value).decode()}"
        for sign, value in (("-", found.before), ("+", found.after))
        if value is not None
    ]
    return "\n".join(lines)


def _differ(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _differ(
                f"{path}.{name}" if path else str(name), before.get(name, _NOTHING), after.get(name, _NOTHING)
            )
    elif _are_rules(before) and _are_rules(after):
        was, becomes = ({rule["code"]: rule for rule in rules} for rules in (before, after))
        for code in dict.fromkeys([*was, *becomes]):
            yield from _differ(f"{path}[{code}]", was.get(code, _NOTHING), becomes.get(code, _NOTHING))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (mine, other) in enumerate(zip(before, after, strict=True)):
            yield from _differ(f"{path}[{i}]", mine, other)
    elif before != after:
        yield Difference(
            path=path,
            before=None if before is _NOTHING else before,
            after=None if after is _NOTHING else after,
        )


def _are_rules(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) and "code" in one for one in value)
