"""One runner to a task: a lock on this machine, and one on the target for runners elsewhere."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dtsrun.api import Connection
from dtsrun.engine.temporary import temporary_files
from dtsrun.errors import TaskBusyError
from dtsrun.postgres.session import runner_name

LOCK_CLASS: Final = 0x647473
"""First half of the advisory lock's key ("dts"); the second is the hash of the task's name."""

GLANCE_SECONDS: Final = 0.5
"""For how long a lock is tried again: whoever asks who holds a task holds it for an instant too."""


@contextmanager
def runner_lock(folder: Path, task: str) -> Iterator[None]:
    """Hold a task on this machine, with its folder for temporary files. The lock goes with the process however it ends.

    Raises:
        TaskBusyError: another process holds it; the message names it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "runner", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if not _lock(descriptor):
            raise busy(task, os.pread(descriptor, 200, 0).decode() or "another process")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, runner_name().encode(), 0)
        with temporary_files(folder):
            yield
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str | None:
    """Return who holds a task on this machine (host:pid), None where nobody does.

    Unlike a process number, which another process may have by now, the lock cannot outlive its runner.
    """
    try:
        descriptor = os.open(folder / "runner", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 200, 0).decode() or "another process"
    finally:
        os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    until = time.monotonic() + GLANCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        else:
            return True


def lock_on_target(connection: Connection, task: str) -> None:
    """Hold a task on the target, for as long as the connection lives.

    Raises:
        TaskBusyError: a runner on another machine holds it; the message names it where it may be seen.
    """
    row = connection.execute(
        "select pg_catalog.pg_try_advisory_lock(%s, pg_catalog.hashtext(%s)) as held", [LOCK_CLASS, task]
    ).fetchone()
    if row and row.held:
        return
    holder = connection.execute(
        "select a.application_name, a.client_addr from pg_catalog.pg_locks l"
        " join pg_catalog.pg_stat_activity a on a.pid = l.pid"
        " where l.locktype = 'advisory' and l.granted and l.classid = %s::oid"
        "   and l.objid::bigint = pg_catalog.hashtext(%s)::bigint & 4294967295",
        [LOCK_CLASS, task],
    ).fetchone()
    raise busy(task, f"{holder.application_name} from {holder.client_addr or 'the server itself'}" if holder else "?")


def busy(task: str, holder: str) -> TaskBusyError:
    """Return the error that names who works at a task."""
    return TaskBusyError(
        f"task {task} is being run by {holder}", hint="wait for it, or look at it with: dtsrun show " + task
    )
