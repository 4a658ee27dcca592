"""One runner to a task: a lock on this machine, and one on the target for runners elsewhere."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dtsrun.api import Connection
from dtsrun.errors import TaskBusyError
from dtsrun.postgres.session import runner_name

LOCK_CLASS: Final = 0x647473
"""First half of the advisory lock's key ("dts"); the second is the hash of the task's name."""


@contextmanager
def runner_lock(folder: Path, task: str) -> Iterator[None]:
    """Hold a task on this machine. The lock goes with the process, however it ends.

    Raises:
        TaskBusyError: another process holds it; the message names it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "runner", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy(task, os.pread(descriptor, 200, 0).decode() or "another process") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, runner_name().encode(), 0)
        yield
    finally:
        os.close(descriptor)


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
