"""The rules of the house that no linter knows: names and sizes of files, who writes what, who sees a clock."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "src" / "batuta"
NOT_ROOMS = {"kernel", "plumbing", "app", "worker", "cli", "web"}
CONNECTORS = "connectors"
ROOM_FILES = {"__init__", "domain", "events", "tables", "queries", "commands", "jobs", "adapters", "api"}
ROOM_FOLDERS = {"templates"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
FORBIDDEN_NAMES = {"service", "utils", "helpers", "manager", "base"}
CLOCKS = re.compile(
    r"datetime\.now|utcnow|date\.today|time\.time\(|func\.(now|current_timestamp|clock_timestamp|statement_timestamp)"
    r"|\bnow\(\)|\bCURRENT_(TIMESTAMP|DATE|TIME)\b|\b(clock|statement|transaction)_timestamp\(",
)
CHANCE = re.compile(r"\buuid[1-7]\(|\brandom\.(random|choice|randint|shuffle)|\bsecrets\.")
CHANGE_KINDS = {"feature", "bugfix", "doc", "removal", "misc"}
WRITERS = {"insert", "update", "delete", "insert_rows", "insert_new", "upsert_rows"}

modules = sorted(path for path in HOUSE.rglob("*.py") if "versions" not in path.parts)


def room_of(path: Path) -> str:
    return _in_house(path)[0]


def is_room(path: Path) -> bool:
    return room_of(path) not in NOT_ROOMS and len(_in_house(path)) > 1


def _in_house(path: Path) -> tuple[str, ...]:
    """The names of a module below the house; each package of `connectors` is a room."""
    parts = path.relative_to(HOUSE).with_suffix("").parts
    return parts[1:] if parts[0] == CONNECTORS and len(parts) > len((CONNECTORS, "__init__")) else parts


rooms = [path for path in modules if is_room(path)]


def name_of(path: Path) -> str:
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", modules, ids=name_of)
def test_a_module_is_small(path: Path) -> None:
    source = path.read_text()

    assert source.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("path", rooms, ids=name_of)
def test_a_module_of_a_room_has_a_known_name(path: Path) -> None:
    room, *rest = _in_house(path)

    known = ROOM_FILES | ({"score"} if room == "orchestration" else set())
    assert rest[0] in known | ROOM_FOLDERS
    assert path.stem not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", rooms, ids=name_of)
def test_time_and_chance_come_into_a_room_as_arguments(path: Path) -> None:
    """SQL in rooms never reads the clock either, so that the same code replays past years."""
    code = "\n".join(line for line in _without_docstrings(path).splitlines() if not line.strip().startswith("#"))

    assert not CLOCKS.search(code), CLOCKS.search(code)
    if "adapters" not in path.parts:
        assert not CHANCE.search(code), CHANCE.search(code)


@pytest.mark.parametrize("path", rooms, ids=name_of)
def test_a_room_writes_only_to_its_own_tables(path: Path) -> None:
    tree = ast.parse(path.read_text())
    strangers = {
        alias.asname or alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and ".tables" in node.module
        for alias in node.names
        if room_of(HOUSE.joinpath(*node.module.split(".")[1:])) != room_of(path)
    }

    for written in _written(tree):
        assert written not in strangers, f"{written} belongs to {strangers[written]}"


def test_no_raw_sql_of_a_room_writes_to_another_schema() -> None:
    into = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?([a-z_]+)\"?\.", re.IGNORECASE)
    for path in rooms:
        for schema in into.findall(path.read_text()):
            assert schema == room_of(path), f"{name_of(path)} writes to {schema}"


def test_every_room_introduces_itself() -> None:
    for path in [path for path in rooms if _in_house(path)[1:] == ("__init__",)]:
        assert ast.get_docstring(ast.parse(path.read_text())), name_of(path)


def _written(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in WRITERS:
            yield from (argument.id for argument in node.args if isinstance(argument, ast.Name))
        if isinstance(called, ast.Attribute) and called.attr in WRITERS and isinstance(called.value, ast.Name):
            yield called.value.id


def _without_docstrings(path: Path) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = ""
    return ast.unparse(tree)


def test_every_fragment_of_the_changelog_has_a_kind_that_is_printed() -> None:
    """towncrier passes over a kind that it does not know, and says nothing."""
    fragments = [path for path in (HOUSE.parents[1] / "changes").glob("*.md") if path.stem != "README"]
    assert [path.name for path in fragments if path.suffixes[-2].removeprefix(".") not in CHANGE_KINDS] == []
