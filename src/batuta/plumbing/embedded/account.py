"""As whom PostgreSQL runs, and what that user can reach."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from batuta.plumbing.embedded.problems import NoAccount

PREFERRED = ("postgres", "nobody")
ROOT_UID = 0


class Account(msgspec.Struct, frozen=True):
    """A user of this machine; `is_self` when batuta already runs as that user."""

    uid: int
    gid: int
    is_self: bool

    def run(self, *command: str | Path, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a program to its end as this user, in a clean environment and a folder it can enter."""
        return subprocess.run(  # noqa: S603 - only programs of the wheel and of coreutils
            [str(part) for part in command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=clean_environment(),
            **self._identity(),
        )

    def launch(self, *command: str | Path, log: int) -> "subprocess.Popen[bytes]":
        """Start a program as this user in a session of its own, so that Ctrl-C does not reach it."""
        return subprocess.Popen(  # noqa: S603 - only programs of the wheel
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
            **self._identity(),
        )

    def can_run(self, path: Path) -> bool:
        """Tell whether this user may execute the file or enter the folder, as the kernel sees it."""
        if self.is_self:
            return os.access(path, os.X_OK)
        return self.run(shutil.which("test") or "/usr/bin/test", "-x", path).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder that batuta made to this user."""
        if not self.is_self:
            os.chown(path, self.uid, self.gid)

    def _identity(self) -> dict[str, Any]:
        if self.is_self:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for(cluster: Path) -> Account:
    """Choose who runs the server: ourselves; as root the cluster's owner, or `postgres`, or `nobody`.

    Raises:
        NoAccount: batuta is root and this machine knows no other user.
    """
    if os.geteuid() != ROOT_UID:
        return Account(os.geteuid(), os.getegid(), is_self=True)

    users = {user.pw_name: user for user in pwd.getpwall() if user.pw_uid != ROOT_UID}
    if cluster.exists() and (owner := cluster.stat()).st_uid != ROOT_UID:
        return Account(owner.st_uid, owner.st_gid, is_self=False)
    names = [name for name in PREFERRED if name in users] or sorted(users)
    if not names:
        raise NoAccount("PostgreSQL does not run as root: make a user for it (useradd --system postgres)")
    user = users[names[0]]
    return Account(user.pw_uid, user.pw_gid, is_self=False)


def clean_environment() -> dict[str, str]:
    """Keep PGDATA, PGPORT and their like away from our server, and its messages in English."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **kept}
