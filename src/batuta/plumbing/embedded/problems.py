"""What may go wrong with the embedded server, and how PostgreSQL's own words are read."""

from batuta.kernel.errors import Refused, Unavailable


class FolderInUse(Refused):
    """Another batuta works with this data folder."""


class FolderNotUsable(Refused):
    """The data folder cannot be made or entered."""


class OtherMajorVersion(Refused):
    """The cluster was written by another major version of PostgreSQL."""


class NoAccount(Unavailable):
    """PostgreSQL refuses to run as root and there is no other user on this machine."""


class DiskFull(Unavailable):
    """There is no space left for the database."""


class PortTaken(Unavailable):
    """Somebody else listens on the port asked for."""


class DatabaseNotStarted(Unavailable):
    """PostgreSQL did not start; its last words are in the facts."""


class OrphansAlive(DatabaseNotStarted):
    """Processes of a killed postmaster still hold the shared memory; they leave within seconds."""


class LeftoverLock(DatabaseNotStarted):
    """`postmaster.pid` names a living process, of this cluster or of a stranger who got its pid."""


LAST_WORDS = 8


def diagnose(words: str, **facts: object) -> Refused | Unavailable:
    """Name the problem that PostgreSQL tells in `words` (its standard error, in English)."""
    if "No space left on device" in words or "Disk quota exceeded" in words:
        return DiskFull("the disk of the data folder is full: make room, then start again", **facts)
    if "could not bind IPv4 address" in words and "Address already in use" in words:
        return PortTaken("the database port is taken: choose another or stop who listens there", **facts)

    last_words = [line for line in words.splitlines() if line.strip()][-LAST_WORDS:]
    if "pre-existing shared memory block" in words:
        return OrphansAlive("processes of a killed database still run", last_words=last_words, **facts)
    if 'lock file "postmaster.pid" already exists' in words:
        return LeftoverLock("a process with the pid of the old database runs", last_words=last_words, **facts)
    return DatabaseNotStarted("the database did not start", last_words=last_words, **facts)
