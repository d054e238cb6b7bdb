"""The data folder: where it is, who holds it, and how its cluster is made."""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from pathlib import Path

from batuta.plumbing.embedded.account import Account
from batuta.plumbing.embedded.binaries import MAJOR_VERSION, make_home
from batuta.plumbing.embedded.problems import (
    DiskFull,
    FolderInUse,
    FolderNotUsable,
    OtherMajorVersion,
    diagnose,
)

CLUSTER = "postgres"
USER = "batuta"
DATABASE = "batuta"
PRIVATE_FOLDER, PRIVATE_FILE, ENTERABLE = 0o700, 0o600, 0o755


def place_of_data(asked: Path, account: Account, *, home: Path) -> Path:
    """Return the folder really used: the one asked for, or one under `home` if `account` cannot reach it.

    Data once written under `home` stays there, also when the folder asked for becomes reachable.
    """
    asked = asked.absolute()
    if account.is_self or (asked / CLUSTER).exists():
        return asked
    away = home / f"{asked.parent.name}-{hashlib.sha256(os.fsencode(asked)).hexdigest()[:12]}"
    nearest = _nearest_existing(asked)
    if (away / CLUSTER).exists() or (nearest.is_dir() and not account.can_run(nearest)):
        return away
    return asked


def make_folder(folder: Path, account: Account, *, home: Path) -> None:
    """Make the data folder, private to `account`, and the missing ones above it.

    Raises:
        FolderNotUsable: it cannot be made or entered.
        DiskFull: there is no room for it.
    """
    try:
        if folder.parent == home:
            make_home(home)
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(missing):
            parent.mkdir(exist_ok=True)
            parent.chmod(PRIVATE_FOLDER if parent == folder else ENTERABLE)
        if missing:
            account.own(folder)
        next(folder.iterdir(), None)
    except OSError as error:
        raise _about(error, folder) from error


def lock_folder(folder: Path, account: Account) -> int:
    """Take the data folder for this process and return the open lock; the kernel frees it when we end.

    Raises:
        FolderInUse: another batuta has it.
    """
    path = folder / "lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        account.own(path)
    except OSError as error:
        raise _about(error, folder) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode(errors="replace").strip()
        os.close(lock)
        raise FolderInUse(
            f"another batuta (process {holder}) uses {folder}: stop it or give this one its own data folder",
            data_folder=str(folder),
            process=holder,
        ) from error
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def check_version(folder: Path, binaries: Path) -> None:
    """Refuse a cluster that this PostgreSQL cannot read, with the command that helps.

    Raises:
        OtherMajorVersion: it was written by an older or newer major version.
    """
    cluster = folder / CLUSTER
    found = (cluster / "PG_VERSION").read_text().strip()
    if found == str(MAJOR_VERSION):
        return
    if int(found.split(".")[0]) > MAJOR_VERSION:
        command = "python -m pip install --upgrade batuta"
    else:
        old, new = folder / f"{CLUSTER}-{found}", cluster
        command = (
            f"mv {cluster} {old} && {binaries}/initdb -D {new} {' '.join(_format(folder))} && "
            f"PGPASSWORD=$(cat {folder}/password) {binaries}/pg_upgrade -U {USER} -d {old} -D {new} "
            f"-B {binaries} -b FOLDER_OF_POSTGRESQL_{found}_PROGRAMS"
        )
    raise OtherMajorVersion(
        f"the database in {cluster} is of PostgreSQL {found}, this batuta has {MAJOR_VERSION}; run: {command}",
        data_folder=str(folder),
        found=found,
        expected=str(MAJOR_VERSION),
        command=command,
    )


def initialise(folder: Path, account: Account, binaries: Path, *, is_durable: bool) -> None:
    """Make the cluster with its database, under a passing name: a killed initialisation leaves none.

    Raises:
        DiskFull: there is no room for it.
        DatabaseNotStarted: `initdb` failed, with its last words.
    """
    passing = folder / f"{CLUSTER}.new"
    try:
        shutil.rmtree(passing, ignore_errors=True)
        _write_password(folder / "password", account)
        passing.mkdir(mode=PRIVATE_FOLDER)
        account.own(passing)
    except OSError as error:
        raise _about(error, folder) from error

    sync = [] if is_durable else ["--no-sync"]
    made = account.run(binaries / "initdb", "-D", passing, *_format(folder), *sync)
    if made.returncode == 0:
        durable = f"fsync={'on' if is_durable else 'off'}"
        single = (binaries / "postgres", "--single", "-D", passing, "-c", durable, "postgres")
        made = account.run(*single, given=f"CREATE DATABASE {DATABASE};\n")
    if made.returncode != 0:
        shutil.rmtree(passing, ignore_errors=True)
        raise diagnose(made.stdout + made.stderr, data_folder=str(folder))
    passing.rename(folder / CLUSTER)


def password_in(folder: Path) -> str:
    """Return the password of the cluster's only user."""
    return (folder / "password").read_text().strip()


def _write_password(path: Path, account: Account) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w") as file:
        file.write(secrets.token_urlsafe(24) + "\n")
    account.own(path)


def _format(folder: Path) -> list[str]:
    return [
        f"--username={USER}",
        f"--pwfile={folder / 'password'}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
    ]


def _nearest_existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _about(error: OSError, folder: Path) -> DiskFull | FolderNotUsable:
    facts = {"data_folder": str(folder), "reason": error.strerror}
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull("the disk of the data folder is full: make room, then start again", **facts)
    return FolderNotUsable(f"the data folder {folder} cannot be used: {error.strerror}", **facts)
