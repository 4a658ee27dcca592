"""Why a link does not move: what the walsender and the applying session wait for, in one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from dtsrun.api import Connection, Link

STALL_SECONDS: Final = 60.0
"""A transaction of a few hundred thousand rows is applied within that; what takes longer is worth a look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocker:
    """Who holds the lock that the applying session waits for."""

    pid: int
    """0: a prepared transaction."""
    role: str | None
    seconds: float | None
    """How long its transaction has been open."""
    query: str | None
    lock: str | None
    """What is waited for: `relation of public.orders`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stall:
    """Why a link does not move."""

    link: str
    seconds: float
    message: str
    """One sentence, with the remedy where there is one."""
    source_wait: str | None
    """What the walsender waits for, `Client:WalSenderWriteData`; None: for nothing, or there is none."""
    target_wait: str | None
    blocker: Blocker | None = None


class Standstill:
    """For how long the applied position of a link has not moved, though its source's did.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._applied: int | None = None

    def seconds(self, position: int, applied: int | None) -> float:
        """Return the seconds since it last moved; 0.0 where there is nothing to apply."""
        now = self._clock()
        if applied != self._applied or (applied is not None and applied >= position):
            self._since, self._applied = now, applied
        return now - self._since


def diagnose_stall(
    source: Connection, target: Connection, link: Link, *, seconds: float, pids: Sequence[int] = ()
) -> Stall:
    """Return why a link does not move.

    Args:
        seconds: for how long.
        pids: sessions of the target that apply, where no subscription does.
    """
    sender = source.execute(_query("stall.sql"), {"slot": link.name}).fetchone()
    appliers = target.execute(_query("appliers.sql"), {"subscription": link.name, "pids": list(pids)}).fetchall()
    blocker = next((found for row in appliers if (found := _blocker(target, row.pid)) is not None), None)
    return Stall(
        link=link.name,
        seconds=seconds,
        message=f"link {link.name} has applied nothing for {seconds:.0f} s: {_cause(sender, appliers, blocker)}",
        source_wait=_wait(sender),
        target_wait=_wait(appliers[0]) if appliers else None,
        blocker=blocker,
    )


def _cause(sender: Any, appliers: Sequence[Any], blocker: Blocker | None) -> str:
    if sender is None:
        return "its slot is gone from the source"
    if blocker is not None:
        return f"the target's session that applies waits for {_described(blocker)}"
    if sender.pid is None:
        running = (
            "the target has a session to apply, but none is connected to the slot" if appliers else "nobody applies"
        )
        return f"{running}; the target's log says why"
    if not appliers:
        return f"session {sender.pid} of the source sends, but no session of the target applies"
    if sender.is_hidden or appliers[0].is_hidden:
        return "what its sessions wait for is hidden from our account, which is not in pg_read_all_stats"
    return _of_waits(sender, appliers[0])


def _of_waits(sender: Any, applier: Any) -> str:
    waits = _wait(sender), _wait(applier)
    if applier.wait_event_type not in (None, "Client", "Activity", "Extension"):
        return f"the target's session {applier.pid} applies and waits for {waits[1]}"
    if applier.wait_event_type is None:
        return f"the target's session {applier.pid} is busy applying; a large transaction, or a table without an index"
    if sender.wait_event_type is None or sender.wait_event_type == "IO":
        doing = f"waits for {waits[0]}" if waits[0] else "is busy"
        return f"the source's walsender {sender.pid} decodes a large transaction and {doing}"
    return (
        f"both ends wait for each other, the source's walsender {sender.pid} for {waits[0]}"
        f" and the target's session {applier.pid} for {waits[1]}; the network between them may be down"
    )


def _described(blocker: Blocker) -> str:
    lock = f"a lock ({blocker.lock}) that " if blocker.lock else ""
    if blocker.pid == 0:
        return f"{lock}a prepared transaction holds; commit it or roll it back (pg_prepared_xacts)"
    age = f", in a transaction for {blocker.seconds:.0f} s" if blocker.seconds is not None else ""
    query = f": {blocker.query}" if blocker.query else ""
    ending = f"to end it, run on the target: select pg_terminate_backend({blocker.pid})"
    return f"{lock}session {blocker.pid} of {blocker.role or 'an unknown role'} holds{age}{query}; {ending}"


def _blocker(target: Connection, pid: int) -> Blocker | None:
    row = target.execute(_query("blockers.sql"), {"pid": pid}).fetchone()
    if row is None:
        return None
    return Blocker(pid=row.pid, role=row.role, seconds=row.age, query=row.query or None, lock=row.lock)


def _wait(row: Any) -> str | None:
    if row is None or row.wait_event_type is None:
        return None
    return f"{row.wait_event_type}:{row.wait_event}"


def _query(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()
