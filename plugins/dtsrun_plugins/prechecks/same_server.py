"""No database is moved onto itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._sessions import session


class SameServer(Precheck):
    """No database is moved onto itself.

    What it does
    ------------
    Compares the system identifier and the start time of both servers, whatever their addresses are called; on one and
    the same server, every database must have another name on the target.

    Why it matters
    --------------
    Two names may lead to one server (a DNS alias, a forgotten port). With `on_conflict: drop`, the task would drop
    the tables that it is about to read.

    Spec
    ----
    `migration.objects.databases.<name>.target` gives a database another name.

    Needs
    -----
    EXECUTE on `pg_control_system()`, which everybody has by default. All versions.

    Example
    -------
        failed  precheck.same_server  source and target of database shop are one and the same

    Limits
    ------
    A copy of the server's files elsewhere has the same identifier, and is another server nevertheless.
    """

    name = "precheck.same_server"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield databases that are their own target."""
        query = files(__package__).joinpath("same_server.sql").read_text()
        source, target = (_one(session(context, side), query) for side in ("source", "target"))
        if source != target:
            return
        for database in context.inventory.databases.values():
            if database.name == database.target:
                yield Finding(
                    subject=f"database {database.name}",
                    message=f"source and target of database {database.name} are one and the same",
                    observed=f"system identifier {source.identifier} on both ends",
                    expected="two servers, or another name on the target",
                    fix=Fix(
                        text=f"name the right target server, or set migration.objects.databases.{database.name}.target"
                    ),
                    evidence={"started": source.started.isoformat()},
                )


def _one(connection: Connection, query: str) -> Any:
    # The query is the file beside this one.
    return connection.execute(query.encode()).fetchone()
