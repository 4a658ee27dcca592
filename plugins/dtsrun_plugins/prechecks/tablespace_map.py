"""The target has the tablespaces that the spec maps to."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class TablespaceMap(Precheck):
    """The target has the tablespaces that the spec maps to.

    What it does
    ------------
    Looks for the tablespaces that `migration.kinds.tablespaces.map` names, on the target and for the CREATE right on
    them.

    Why it matters
    --------------
    Tablespaces are not made by dtsrun. A missing one ends the task at its first step, a missing right at the first
    table.

    Spec
    ----
    `migration.kinds.tablespaces: {policy: map, map: {<source>: <target>}}`.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.tablespace_map  the target has no tablespace nvme, where what lies in fast_disk goes

    Limits
    ------
    Free space of tablespaces cannot be seen by SQL.
    """

    name = "precheck.tablespace_map"
    side = "target"
    severity = Severity.FAIL
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every tablespace that is missing or closed."""
        chosen = context.spec.kinds.get("tablespaces", {})
        mapped = chosen.get("map", {}) if chosen.get("policy") == "map" else {}
        rows = session(context, "target").execute(
            "select spcname as name, pg_catalog.has_tablespace_privilege(oid, 'create') as may"
            " from pg_catalog.pg_tablespace"
        )
        there = {row.name: row.may for row in rows.fetchall()}
        account = context.facts("target").current_user
        for ours, theirs in sorted(mapped.items()):
            name = sql.Identifier(theirs)
            if theirs not in there:
                statement = sql.SQL("CREATE TABLESPACE {} LOCATION '<folder>'").format(name)
                message = f"the target has no tablespace {theirs}, where what lies in {ours} goes"
                yield _finding(theirs, message, "missing", statement)
            elif not there[theirs]:
                statement = sql.SQL("GRANT CREATE ON TABLESPACE {} TO {}").format(name, sql.Identifier(account))
                message = f"{account} has no CREATE on tablespace {theirs}, where what lies in {ours} goes"
                yield _finding(theirs, message, "no CREATE", statement)


def _finding(name: str, message: str, observed: str, statement: sql.Composed) -> Finding:
    return Finding(
        subject=f"tablespace {name}",
        message=message,
        observed=observed,
        expected="there, with CREATE",
        fix=Fix(text="run this on the target, or map to another", sql=(statement.as_string(),), side="target"),
    )
