"""Checks that the user writes as SQL: one query each, every row of it a finding.

That a query only reads is seen at three places: the spec refuses what does not parse as one query (`dtsrun.spec`), the
server is asked for a cursor over it, which only a single query can have, and its transaction is read-only and rolled
back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

import psycopg
from psycopg.rows import tuple_row
from psycopg.types.string import TextLoader

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck, Severity, Side, SkipCheck, Undetermined
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

PREFIX: Final = "sql."
MOST_ROWS: Final = 1000
"""Rows of one query in one database that become findings; the rest is counted as `more`."""

COLUMNS: Final = ("subject", "observed", "expected", "message")
"""Columns that mean something; all others are shown as what was observed."""

UNDEFINED: Final = frozenset({"42P01", "42883", "42704"})
"""SQLSTATEs of a table, function or type that is not found."""

Row = Mapping[str, str]


def sql_checks(policy: Mapping[str, Any]) -> tuple[Precheck, ...]:
    """Return the checks that a policy holds as queries."""
    return tuple(_made(document) for document in policy.get("sql_checks", ()))


def _made(document: Mapping[str, Any]) -> Precheck:
    # A check's name, title and side belong to its class, so each query gets one.
    attributes = {
        "name": f"{PREFIX}{document['id']}",
        "title": document["title"],
        "side": document["side"],
        "severity": Severity(document.get("severity", "fail")),
        "document": document,
    }
    made: Precheck = type(f"SqlCheck_{document['id']}", (SqlCheck,), attributes)()
    return made


class SqlCheck(Precheck):
    """A query of the user; see `docs/how-to/policy-as-code.md`."""

    document: ClassVar[Mapping[str, Any]]
    """The policy's words."""
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a finding for each row, in each database.

        Raises:
            SkipCheck: the target has none of the databases yet.
            Undetermined: the query failed; says where and why.
        """
        names = self._databases(context)
        reached = [name for name in names if self._exists(name, context)]
        if not reached:
            raise SkipCheck("none of the databases is on the target yet")
        for name in reached:
            yield from self._findings(name, context)

    def _databases(self, context: CheckContext) -> Sequence[str]:
        named = self.document.get("database")
        return [named] if named else sorted(context.inventory.databases)

    def _exists(self, database: str, context: CheckContext) -> bool:
        if self.side == "source" or context.target(database) is not None:
            return True
        if "database" in self.document:
            raise Undetermined(f"the target has no database {database!r}")
        return False

    def _findings(self, database: str, context: CheckContext) -> Iterator[Finding]:
        try:
            rows, is_cut = read_rows(self._session(database, context), self.document["sql"])
        except psycopg.Error as error:
            lacks = "the account lacks a privilege: " if reaction(error) is Reaction.PRIVILEGE else ""
            raise Undetermined(f"{lacks}in {database}: {describe(error)}{_remedy(error)}") from error
        yield from (self._finding(database, row) for row in rows)
        if is_cut:
            yield Finding(subject=database, message=f"the query found more than {MOST_ROWS} rows")

    def _session(self, database: str, context: CheckContext) -> Connection:
        connection = context.source(database) if self.side == "source" else context.target(database)
        assert connection is not None  # `_exists` was asked
        return connection

    def _finding(self, database: str, row: Row) -> Finding:
        rest = ", ".join(f"{name} = {value}" for name, value in row.items() if name not in COLUMNS)
        fix = self.document.get("fix")
        side: Side = "source" if self.side == "source" else "target"
        return Finding(
            subject=f"{database}.{row['subject']}" if row.get("subject") else database,
            message=row.get("message") or f"not so: {self.title}",
            observed=row.get("observed") or rest,
            expected=row.get("expected", ""),
            fix=Fix(text=fix, side=side) if fix else None,
            evidence={"query": self.document["sql"], "row": dict(row)},
        )


def _remedy(error: psycopg.Error) -> str:
    """Say what a name that is not found wants: whoever wrote the query tried it with a search_path."""
    is_name = error.sqlstate in UNDEFINED
    return "; the search_path is empty here: write schema.name, as in public.orders" if is_name else ""


def read_rows(connection: Connection, query: str, most: int = MOST_ROWS) -> tuple[list[Row], bool]:
    """Return the rows of a query as text, at most `most`, and whether there were more.

    Raises:
        psycopg.Error: the server refuses it: it is no single query, it writes, it takes too long, ...
    """
    # Rolled back: what a function set for the session (`set_config`) is gone with it.
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction read only")
        with connection.cursor(name="dtsrun_check", row_factory=tuple_row) as cursor:
            _as_text(cursor)
            cursor.execute(query.encode())
            rows = cursor.fetchmany(most + 1)
            names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, map(_shown, row), strict=True)) for row in rows[:most]], len(rows) > most


def _as_text(cursor: psycopg.ServerCursor[Any]) -> None:
    """Let values come as the server writes them; some (a date before our era) have no counterpart in Python."""
    for known in cursor.connection.adapters.types:
        for oid in (known.oid, known.array_oid):
            if oid:
                cursor.adapters.register_loader(oid, TextLoader)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
