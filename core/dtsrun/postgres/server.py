"""Private servers: a PostgreSQL of our own, for trials and tests.

    server = PrivateServer(folder, 18)
    server.start()
    with connect(server.route) as connection:
        ...
    server.destroy()

A private server listens on 127.0.0.1 and asks for a generated password, since other users of the machine reach that
address too. It outlives the process that started it: the next one finds it by its folder, running or not, and a crash
of either leaves nothing that `start()` does not mend. It keeps its port from start to start, so that another server
may hold a subscription on it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from psycopg import pq

from dtsrun.api.routes import Route
from dtsrun.errors import AccessError
from dtsrun.postgres.accounts import server_account, system_folder
from dtsrun.postgres.environment import inherited
from dtsrun.postgres.installations import find_installation, installed_versions, runnable

__all__ = ["SUPERUSER", "PrivateServer", "installed_versions"]

SUPERUSER: Final = "postgres"
START_SECONDS: Final = 60
STOP_SECONDS: Final = 30
LONGEST_SOCKET_FOLDER: Final = 107 - len("/.s.PGSQL.65535") - 1
"""A socket's path may take 107 bytes, whatever the file system allows."""

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    # Thousands of objects are created in one transaction.
    "max_locks_per_transaction": "256",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "logging_collector": "off",
    "log_destination": "stderr",
}
"""What every private server is started with, before the settings that are given to it."""

_CONTENT = ("data", "data.new", "log", "password", "port", "mark")
_LOCKS = ("start", "fill", "users")


class PrivateServer:
    """A server of our own in a folder of its own."""

    def __init__(
        self, folder: Path, version: int, *, port: int | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        """Describe the server; nothing is made before `start()`.

        Args:
            folder: its home. Where the server's account cannot get there, the true one is elsewhere: see `folder`.
            version: the major version, e.g. 16.
            port: None means any free one, kept from start to start.
            settings: lines of postgresql.conf.

        Raises:
            AccessError: no such version is on this machine.
        """
        self._account = server_account()
        self._found = find_installation(version)
        self._settings = {**SETTINGS, **(settings or {})}
        self._port = port
        self.version = version
        self.folder = self._reachable(folder.absolute())
        """Where its data, log and password lie."""
        self._data = self.folder / "data"

    @property
    def is_running(self) -> bool:
        """Whether its postmaster is alive."""
        pid = self._recorded_pid()
        return pid is not None and _works_in(pid, self._data)

    @property
    def route(self) -> Route:
        """The way to the running server, as its superuser."""
        parameters = {
            "host": "127.0.0.1",
            "port": self._state()["port"],
            "user": SUPERUSER,
            "password": self._password(),
            "sslmode": "disable",
        }
        where = f"private server {self.version} at 127.0.0.1:{parameters['port']}"
        return Route(parameters=parameters, description=where, peer=parameters)

    @property
    def psql(self) -> str:
        """The command line that opens psql on it."""
        own = self._found.bin / "psql"
        program = shlex.quote(str(own)) if own.exists() else "psql"
        password = shlex.quote(str(self.folder / "password"))
        return f'PGPASSWORD="$(cat {password})" {program} -h 127.0.0.1 -p {self._state()["port"]} -U {SUPERUSER}'

    def start(self) -> None:
        """Start it, unless it runs; create it first if need be.

        Raises:
            AccessError: it does not start; the hint shows the end of its log.
        """
        with self.locked("start"):
            # Whoever started it may have gone before it was ready, and it may just be going down.
            if not self._becomes_ready():
                self._create()
                self._start()

    def stop(self, *, mode: str = "fast") -> None:
        """Stop it, unless it does not run; `mode` is pg_ctl's: fast, or immediate as in a crash."""
        if self.is_running:
            sockets = Path(self._state()["socket"])
            self._pg_ctl("stop", "-m", mode, "-t", str(STOP_SECONDS))
            if sockets != self.folder:
                shutil.rmtree(sockets, ignore_errors=True)

    def destroy(self) -> None:
        """Stop it and remove all that it made; a folder that holds anything else stays."""
        self.clear()
        self._remove(_LOCKS)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def clear(self) -> None:
        """Stop it and remove what is in it, so that `start()` creates it anew."""
        self.stop(mode="immediate")
        # A server that was killed leaves its socket.
        sockets = [path.name for path in self.folder.glob(".s.PGSQL.*")]
        self._remove([*_CONTENT, *sockets])

    @contextmanager
    def in_use(self, *, stop: bool) -> Iterator[None]:
        """Hold the server for the block; after it, stop the server if asked to and if nobody else holds it.

        A process that dies holds nothing any more.
        """
        self._make_folder()
        users = self._open_lock("users")
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield
        finally:
            try:
                if stop and _becomes_sole(users):
                    self.stop()
            finally:
                os.close(users)

    @contextmanager
    def locked(self, name: Literal["start", "fill"] = "fill") -> Iterator[None]:
        """Keep other processes out of the same block for the same server: they wait."""
        self._make_folder()
        lock = self._open_lock(name)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @property
    def mark(self) -> str | None:
        """What `set_mark` said of the server's content; None for a new server."""
        path = self.folder / "mark"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def set_mark(self, text: str) -> None:
        """Remember something of the server's content, until it is destroyed."""
        self._write("mark", text)

    def log(self, lines: int = 15) -> str:
        """Return the end of its log."""
        path = self.folder / "log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def _reachable(self, folder: Path) -> Path:
        nearest = next(place for place in folder.parents if place.exists())
        if self._account.can_pass(nearest):
            return folder
        name = f"{folder.name[:20]}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
        return system_folder() / "servers" / name

    def _make_folder(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if all(part.name in {*_CONTENT, *_LOCKS} for part in self.folder.iterdir()):
            self._account.own(self.folder)

    def _open_lock(self, name: str) -> int:
        # The folder belongs to the server's account: nothing in it may lead root elsewhere.
        return os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            part = self.folder / name
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink(missing_ok=True)

    def _create(self) -> None:
        if self._data.exists():
            self._refuse_other_version()
            return
        making = self.folder / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        self._write("password", secrets.token_urlsafe(24))
        self._initdb(making)
        with (making / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("\ninclude 'dtsrun.conf'\n")
        # Named last, so that a creation that was killed half-way is begun anew.
        making.rename(self._data)

    def _initdb(self, folder: Path) -> None:
        options: list[str | Path] = ["-D", folder, "-U", SUPERUSER, "-A", "scram-sha-256", "--encoding=UTF8"]
        options.append(f"--pwfile={self.folder / 'password'}")
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        done = self._run(["initdb", *options, "--locale=C.UTF-8"])
        if done.returncode and "invalid locale" in done.stderr:
            # Some systems (macOS, older distributions) have no such locale.
            done = self._run(["initdb", *options, "--locale=C"])
        if done.returncode:
            raise AccessError(
                f"initdb could not create a private server in {self.folder}", hint=done.stderr.strip() or None
            )

    def _refuse_other_version(self) -> None:
        there = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        if there != str(self.version):
            raise AccessError(
                f"the private server in {self.folder} is of version {there}, and version {self.version} is asked for",
                hint="give the task another name, or remove that folder",
            )

    def _start(self) -> None:
        self._drop_stale_locks()
        until = time.monotonic() + START_SECONDS
        while True:
            sockets = self._configure()
            done = self._pg_ctl("start", "-l", self.folder / "log", "-t", str(START_SECONDS))
            if done.returncode == 0:
                return
            if sockets != self.folder:
                sockets.rmdir()
            if time.monotonic() > until or not self._can_try_again():
                raise AccessError(f"the private server in {self.folder} does not start", hint=self.log() or done.stderr)

    def _becomes_ready(self) -> bool:
        """Return whether it runs and lets sessions in, after waiting while it does only the first."""
        until = time.monotonic() + START_SECONDS
        while self.is_running and time.monotonic() < until:
            if pq.PGconn.ping(self.route.conninfo().encode()) == pq.Ping.OK:
                return True
            time.sleep(0.05)
        return False

    def _can_try_again(self) -> bool:
        """Return whether the log's end names something that passes, after waiting for it or stepping aside."""
        end = self.log()
        if "Address already in use" in end and self._port is None:
            (self.folder / "port").unlink(missing_ok=True)
            return True
        # Backends of a postmaster that was killed take a moment to notice.
        if "still in use" in end:
            time.sleep(0.5)
            return True
        return False

    def _configure(self) -> Path:
        """Write dtsrun.conf and return the folder of the socket."""
        sockets = self._socket_folder()
        lines = {**self._settings, "port": str(self._chosen_port()), "unix_socket_directories": str(sockets)}
        text = "".join(f"{name} = '{_quoted(value)}'\n" for name, value in lines.items())
        self._write("data/dtsrun.conf", text)
        (self.folder / "log").unlink(missing_ok=True)
        return sockets

    def _socket_folder(self) -> Path:
        if len(os.fsencode(self.folder)) <= LONGEST_SOCKET_FOLDER:
            return self.folder
        made = Path(tempfile.mkdtemp(prefix="dtsrun-", dir="/tmp"))
        self._account.own(made)
        return made

    def _chosen_port(self) -> int:
        if self._port is not None:
            return self._port
        kept = self.folder / "port"
        if not kept.exists():
            self._write("port", str(_free_port()))
        return int(kept.read_text(encoding="ascii"))

    def _recorded_pid(self) -> int | None:
        """Return the process id in the lock file, if a process of this number lives."""
        try:
            pid = int((self._data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        except PermissionError:
            # It lives, as someone else: not our server, so its number was given out anew.
            pass
        return pid

    def _drop_stale_locks(self) -> None:
        """Remove the lock files of a dead postmaster whose process id is in use nevertheless.

        By another program, after the machine was started anew, or by what is left of it in a container whose first
        process does not collect the dead. The server itself would take that for its predecessor and refuse to start.
        Lock files without any such process are left to the server, which looks at more than the number.
        """
        if self._recorded_pid() is not None and not self.is_running:
            recorded = self._recorded()
            socket_file = Path(recorded["socket"] or self.folder) / f".s.PGSQL.{int(recorded['port'])}"
            for stale in (f"{socket_file}.lock", socket_file, self._data / "postmaster.pid"):
                Path(stale).unlink(missing_ok=True)

    def _state(self) -> dict[str, str]:
        """Return what the running postmaster wrote down."""
        if not self.is_running:
            raise AccessError(f"the private server in {self.folder} does not run")
        return self._recorded()

    def _recorded(self) -> dict[str, str]:
        """Return lines 4 and 5 of the postmaster's lock file."""
        lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
        return {"port": lines[3].strip(), "socket": lines[4].strip()}

    def _password(self) -> str:
        return (self.folder / "password").read_text(encoding="ascii")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            self._account.own(file.fileno())

    def _pg_ctl(self, action: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
        return self._run(["pg_ctl", action, "-D", self._data, "-w", *options])

    def _run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a program of the installation as the server's account.

        Its output goes to a file and never through a pipe: the postmaster inherits it, and would hold a pipe open.
        """
        installation = runnable(self._found, self._account)
        kept = {name: value for name, value in inherited().items() if not name.startswith(("PG", "LC_", "LANG"))}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            done = subprocess.run(
                [installation.bin / command[0], *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**kept, "LC_ALL": "C", **installation.environment()},
                cwd=self.folder,
                start_new_session=True,
                check=False,
                **self._account.process_options(),
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", said.read())


def _works_in(pid: int, folder: Path) -> bool:
    """Return whether a process works in a folder, as a postmaster does in its data; true where that cannot be seen."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except PermissionError:
        return True
    except FileNotFoundError:
        return not Path("/proc/self/cwd").exists()


def _becomes_sole(lock: int) -> bool:
    """Return whether nobody else holds a lock that we share; if so, newcomers wait until we give it up."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
