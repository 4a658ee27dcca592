"""All sessions on the source reach one and the same server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._sessions import another, session

IMPORTS: Final = 4

WHERE: Final = (
    "select pg_catalog.host(pg_catalog.inet_server_addr()) as address, pg_catalog.pg_postmaster_start_time() as started"
)


class SingleInstance(Precheck):
    """All sessions on the source reach one and the same server.

    What it does
    ------------
    Exports a snapshot in one session, takes it over in four others, one after the other, as the copy will, and
    compares when each one's server was started.

    Why it matters
    --------------
    Behind a load balancer or an address of several readers, each session may reach another server. A snapshot is
    known to one server only: the copy would fail at its second session, or read rows of two points in time.

    Spec
    ----
    `prechecks.policy.checks."precheck.single_instance"`; it has no options.

    Needs
    -----
    Five sessions at once on the source. All versions.

    Example
    -------
        failed  precheck.single_instance  2 of 4 sessions could not take over a snapshot of the source
          fix: name the address of the server itself

    Limits
    ------
    A balancer that sends an address's sessions to one server for some minutes is not seen.
    """

    name = "precheck.single_instance"
    side = "source"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield sessions that reached another server."""
        with ExitStack() as stack:
            first = stack.enter_context(another(session(context, "source")))
            first.execute("begin isolation level repeatable read read only")
            snapshot = _one(first, "select pg_catalog.pg_export_snapshot() as name").name
            servers = [_one(first, WHERE)]
            refused = []
            for _ in range(IMPORTS):
                other = stack.enter_context(another(session(context, "source")))
                servers.append(_one(other, WHERE))
                refused += _refusal(other, snapshot)
        starts = {server.started for server in servers}
        if refused or len(starts) > 1:
            yield _finding(refused, servers, len(starts))


def _one(connection: Connection, query: str) -> Any:
    # The queries are those of this file.
    return connection.execute(query.encode()).fetchone()


def _refusal(connection: Connection, snapshot: str) -> list[str]:
    connection.execute("begin isolation level repeatable read read only")
    try:
        connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.OperationalError) as error:
        return [error.diag.message_primary or str(error)]
    return []


def _finding(refused: list[str], servers: list[Any], count: int) -> Finding:
    return Finding(
        subject="source",
        message=f"{len(refused)} of {IMPORTS} sessions could not take over a snapshot of the source",
        observed=f"{count} servers behind one address" if count > 1 else refused[0],
        expected="one server",
        fix=Fix(
            text="name the address of the server itself in source.access, not that of a balancer, a reader or a pooler"
        ),
        evidence={
            "refused": refused,
            "servers": [{"address": s.address, "started": s.started.isoformat()} for s in servers],
        },
    )
