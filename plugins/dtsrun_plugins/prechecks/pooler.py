"""No pooler stands between the sessions and the servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck, Severity, Side
from dtsrun_plugins.prechecks._sessions import session

LOOKS: Final = 6
SIDES: Final[tuple[Side, Side]] = ("source", "target")


class Pooler(Precheck):
    """No pooler stands between the sessions and the servers.

    What it does
    ------------
    Asks for the number of the server's process in several transactions of one session, and compares it with the one
    that was told at the login.

    Why it matters
    --------------
    A pooler that gives each transaction another server process loses session settings, exported snapshots and locks.
    Even one that keeps the process for the session cannot carry replication, and its limits and timeouts come on top
    of the server's.

    Spec
    ----
    `prechecks.policy.checks."precheck.pooler"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.pooler  source: one session was served by 3 processes
          fix: connect to the server itself, not to its pooler

    Limits
    ------
    A pooler with a single free server connection may look like the server in the first part; the number told at the
    login then still gives it away, as an alarm.
    """

    name = "precheck.pooler"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what stands between."""
        for side in SIDES:
            connection = session(context, side)
            processes = [_process(connection) for _ in range(LOOKS)]
            told = connection.info.backend_pid
            if len(set(processes)) > 1:
                yield _finding(side, f"one session was served by {len(set(processes))} processes", processes, None)
            elif told != processes[0]:
                message = f"the login told of process {told}, and process {processes[0]} answers"
                yield _finding(side, message, processes, Severity.ALARM)


def _process(connection: Connection) -> int:
    row = connection.execute("select pg_catalog.pg_backend_pid() as pid").fetchone()
    assert row is not None
    return int(row.pid)


def _finding(side: Side, message: str, processes: list[int], severity: Severity | None) -> Finding:
    port = "connect to the server itself, not to its pooler or proxy (often only another host or port)"
    return Finding(
        subject=side,
        message=f"{side}: {message}",
        observed="a pooler or proxy between",
        expected="the server itself",
        fix=Fix(text=port, side=side),
        evidence={"processes": processes},
        severity=severity,
    )
