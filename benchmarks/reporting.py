"""What a benchmark says: a bar while it runs on a terminal, and a last line that machines can read."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Tell = Callable[[str], None]


@contextlib.contextmanager
def progress(title: str, *, steps: int, is_quiet: bool) -> Iterator[Tell]:
    """A bar of so many steps on standard error; the block tells what it begins with each.

    is_quiet: no bar, as when the result is for a machine; without a terminal there is none either.
    """
    console = Console(stderr=True)
    columns = (TextColumn(f"{title}: {{task.description}}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=is_quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=steps)
        told = 0

        def tell(what: str) -> None:
            nonlocal told
            bar.update(task, description=what, completed=told)
            told += 1

        yield tell


def report(figures: Mapping[str, object], *, as_json: bool, notes: Mapping[str, object] | None = None) -> None:
    """Print the figures as the last line, and before it what else is worth knowing."""
    if as_json:
        print(json.dumps(dict(figures), default=str))
        if notes:
            print(json.dumps({"notes": dict(notes)}, default=str), file=sys.stderr)
        return
    for name, note in (notes or {}).items():
        print(f"{name}: {note}")
    print(", ".join(f"{name}={value}" for name, value in figures.items()))
