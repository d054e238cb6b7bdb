"""One postmaster over one cluster: started, adopted, asked whether it lives, stopped."""

import enum
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
import structlog

from batuta.plumbing.embedded.account import Account
from batuta.plumbing.embedded.folder import CLUSTER, PRIVATE_FILE, PRIVATE_FOLDER
from batuta.plumbing.embedded.problems import (
    DatabaseNotStarted,
    FolderNotUsable,
    LeftoverLock,
    OrphansAlive,
    diagnose,
)
from batuta.plumbing.embedded.sizing import memory_mb, sizes

SOCKET_PORT = 5432
SOCKET_PATH_BYTES_MAX = 107
PREFIX = "batuta-"

ORPHANS_WAIT_S = 60
START_WAIT_S = 600  # recovery after a crash replays the write-ahead log; a small database needs 0.1 s
FAST_STOP_WAIT_S = 10
IMMEDIATE_STOP_WAIT_S = 10
PING_TIMEOUT_S = 3
LOG_BYTES_MAX = 16 * 1024 * 1024

SETTINGS: Mapping[str, str] = {
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "autovacuum_naptime": "10s",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # An error's DETAIL and statement hold customers' data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})

log = structlog.get_logger("batuta.database")


class Liveness(enum.IntEnum):
    """The exit codes of `pg_isready`."""

    READY = 0
    REJECTING = 1
    SILENT = 2
    UNASKABLE = 3


class Trace(msgspec.Struct, frozen=True):
    """What `postmaster.pid` says about the last postmaster of a cluster, dead or alive."""

    pid: int
    cluster: Path
    port: int
    socket_folder: Path


class Postmaster:
    """The postmaster of one data folder, our child or adopted. Blocking; `EmbeddedServer` is its face."""

    def __init__(
        self,
        folder: Path,
        account: Account,
        binaries: Path,
        *,
        port: int | None = None,
        options: Mapping[str, str] = NO_OPTIONS,
    ) -> None:
        self.folder = folder
        self.cluster = folder / CLUSTER
        self.account = account
        self.binaries = binaries
        self.port = port or SOCKET_PORT
        listening = {"listen_addresses": "127.0.0.1" if port else "", "port": str(self.port)}
        self.settings = {**SETTINGS, **sizes(memory_mb()), **listening, **options}
        self.socket_folder = Path()
        self.child: subprocess.Popen[bytes] | None = None
        self.leaving = threading.Event()

    def start(self) -> None:
        """Adopt the living postmaster of this cluster or start one; return when it accepts connections.

        Raises:
            PortTaken, DiskFull, DatabaseNotStarted: why it could not.
        """
        trace = self._trace()
        if trace and self._adopt(trace):
            log.info("database_adopted", data_folder=str(self.folder))
            return
        self.socket_folder = self._socket_folder(trace)
        self.restart()

    def find(self) -> bool:
        """Look for a living postmaster of this cluster, whoever started it, and take its address."""
        trace = self._trace()
        if trace is None or self._ask(trace.socket_folder, trace.port) is not Liveness.READY:
            return False
        self.socket_folder, self.port = trace.socket_folder, trace.port
        return True

    def restart(self) -> None:
        """Start the postmaster at the same place again, after the orphans of a killed one have left."""
        until = time.monotonic() + ORPHANS_WAIT_S
        while True:
            self._make_socket_folder()
            try:
                self._launch()
            except (LeftoverLock, OrphansAlive) as problem:
                if isinstance(problem, LeftoverLock) and self._disown_recycled_pid():
                    continue
                if time.monotonic() > until or self.leaving.wait(0.2):
                    raise
            else:
                return

    def liveness(self) -> Liveness:
        """Ask `pg_isready`."""
        if self.socket_is_gone():
            return Liveness.SILENT
        return self._ask(self.socket_folder, self.port)

    def socket_is_gone(self) -> bool:
        """Tell whether somebody tidied our socket away; PostgreSQL does not put it back by itself."""
        return not (self.socket_folder / f".s.PGSQL.{self.port}").exists()

    def child_ended(self) -> bool:
        """Tell whether no child of ours runs; it is reaped by being asked. An adopted one is no child."""
        return self.child is None or self.child.poll() is not None

    def stop(self) -> None:
        """End the postmaster: fast (transactions roll back), and after 10 s immediately."""
        if self.child is None:
            self._stop_adopted()
        elif self.child.poll() is None:
            self._stop_child(self.child)
        if self.socket_folder.name.startswith(PREFIX) and self.liveness() is Liveness.SILENT:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def keep_log_small(self) -> None:
        """Put a log past 16 MiB aside, keeping one; PostgreSQL appends, so truncating is safe."""
        path = self.folder / "postgres.log"
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.with_suffix(".log.1").write_bytes(path.read_bytes())
            os.truncate(path, 0)

    def _adopt(self, trace: Trace) -> bool:
        """Take over a living postmaster of this cluster that runs as we would run it.

        One that runs otherwise (another port, other settings) is stopped, to be started anew.
        """
        liveness = self._ask(trace.socket_folder, trace.port)
        while liveness is Liveness.REJECTING:
            self.leaving.wait(0.1)
            liveness = self._ask(trace.socket_folder, trace.port)
        if liveness is not Liveness.READY:
            return False

        self.socket_folder = trace.socket_folder
        arguments = "".join(f' "{part}"' for part in self._arguments())
        if (self.cluster / "postmaster.opts").read_text().strip().endswith(f"/postgres{arguments}"):
            return True
        self._stop_adopted()
        return False

    def _launch(self) -> None:
        path = self.folder / "postgres.log"
        try:
            words_file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        except OSError as error:
            raise FolderNotUsable(f"the log {path} cannot be written: {error.strerror}") from error
        self.account.own(path)
        said_before = path.stat().st_size
        try:
            self.child = self.account.launch(self.binaries / "postgres", *self._arguments(), log=words_file)
        finally:
            os.close(words_file)

        until = time.monotonic() + START_WAIT_S
        while self.child.poll() is None and time.monotonic() < until:
            if self.liveness() is Liveness.READY:
                return
            if self.leaving.wait(0.02):
                break
        if self.child.poll() is None:
            self._stop_child(self.child)
        with path.open(errors="replace") as words:
            words.seek(said_before)
            raise diagnose(words.read(), data_folder=str(self.folder), port=self.port)

    def _arguments(self) -> list[str]:
        settings = {**self.settings, "unix_socket_directories": str(self.socket_folder)}
        return ["-D", str(self.cluster), *(f"--{name}={setting}" for name, setting in settings.items())]

    def _ask(self, socket_folder: Path, port: int) -> Liveness:
        asked = self.account.run(
            self.binaries / "pg_isready", "-q", "-h", socket_folder, "-p", str(port), "-t", str(PING_TIMEOUT_S)
        )
        return Liveness(asked.returncode)

    def _trace(self) -> Trace | None:
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            trace = Trace(int(lines[0]), Path(lines[1]), int(lines[3]), Path(lines[4]))
        except (FileNotFoundError, IndexError, ValueError):
            return None
        # A folder copied while its database ran brings along the trace of the original.
        return trace if trace.cluster == self.cluster else None

    def _disown_recycled_pid(self) -> bool:
        """Free the cluster from a `postmaster.pid` whose pid now belongs to a stranger.

        Our own pid is written instead: PostgreSQL ignores its parent's, and still looks at the shared
        memory named in the file, so it will not start beside orphans. A postmaster's working folder is
        its cluster, a stranger's is not.
        """
        path = self.cluster / "postmaster.pid"
        try:
            pid, *others = path.read_text().splitlines(keepends=True)
            at_home = Path(f"/proc/{int(pid)}/cwd").readlink()
        except (OSError, ValueError):
            return False
        if at_home == self.cluster.resolve():
            return False
        log.warning("recycled_pid", pid=int(pid), its_folder=str(at_home))
        path.write_text("".join((f"{os.getpid()}\n", *others)))
        return True

    def _socket_folder(self, trace: Trace | None) -> Path:
        """Choose a folder short enough for a socket's path, the one of last time if it is still ours."""
        if trace and trace.socket_folder.name.startswith(PREFIX) and trace.socket_folder.is_dir():
            found = trace.socket_folder.lstat()
            if found.st_uid == self.account.uid and found.st_mode & 0o777 == PRIVATE_FOLDER:
                return trace.socket_folder
        for temp in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - mkdtemp
            longest = temp / f"{PREFIX}12345678" / ".s.PGSQL.65535"
            if len(os.fsencode(longest)) <= SOCKET_PATH_BYTES_MAX and self.account.can_run(temp):
                made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=temp))
                self.account.own(made)
                return made
        raise DatabaseNotStarted("no temporary folder is short and open enough for the database's socket")

    def _make_socket_folder(self) -> None:
        """Put the folder back if somebody tidied the temporary files away."""
        if not self.socket_folder.exists():
            self.socket_folder.mkdir(mode=PRIVATE_FOLDER)
            self.account.own(self.socket_folder)

    def _stop_child(self, child: "subprocess.Popen[bytes]") -> None:
        for order, wait_s in ((signal.SIGINT, FAST_STOP_WAIT_S), (signal.SIGQUIT, IMMEDIATE_STOP_WAIT_S)):
            child.send_signal(order)
            try:
                child.wait(wait_s)
            except subprocess.TimeoutExpired:
                log.warning("database_slow_to_stop", after_s=wait_s)
            else:
                return
        child.kill()
        child.wait()

    def _stop_adopted(self) -> None:
        for mode, wait_s in (("fast", FAST_STOP_WAIT_S), ("immediate", IMMEDIATE_STOP_WAIT_S)):
            # Only a postmaster that answers is sent a signal: the pid of a silent one may be a stranger's.
            if self.liveness() is Liveness.SILENT:
                return
            stop = ("stop", "-w", "-D", self.cluster, "-m", mode, "-t", str(wait_s))
            if self.account.run(self.binaries / "pg_ctl", *stop).returncode == 0:
                return
