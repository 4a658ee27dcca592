"""The rows of one table, from one server to the other, with what to do where the target refuses them.

A table's rows arrive as a whole or not at all: all of it happens under savepoints, so that a table that fails leaves
the step's transaction, and the session on the source, as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Deviation, Failure, StepContext, StepResult
from dtsrun.postgres.mover import copy_rows, side_of
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

SAVEPOINT: Final = sql.SQL("savepoint dtsrun_copy")
ROLLBACK: Final = sql.SQL("rollback to savepoint dtsrun_copy; release savepoint dtsrun_copy")
RELEASE: Final = sql.SQL("release savepoint dtsrun_copy")

PLAIN_MONEY: Final = sql.SQL("set local lc_monetary = 'C'")
"""Both ends write and read amounts of money alike, whatever their locales."""

IN_PHYSICAL_ORDER: Final = sql.SQL(
    "set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off;"
    " set local max_parallel_workers_per_gather = 0"
)
"""So that the n-th row of a query is the n-th row of a COPY."""

CANNOT_CONVERT: Final = (psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter)
UNKNOWN_NAME: Final = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidSchemaName,
)
OBSTACLES: Final = (psycopg.errors.CheckViolation, *UNKNOWN_NAME)
"""Errors where a second try can be better."""

NOT_BINARY: Final = (
    psycopg.DataError,
    psycopg.errors.UndefinedFunction,  # "no binary output function available for type ..."
    psycopg.errors.ProtocolViolation,  # "insufficient data left in message"
    psycopg.errors.DatatypeMismatch,  # "wrong element type"
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InternalError_,  # what a type's receiving function says of bytes that it does not expect
)
"""How servers refuse the binary form of a value: a type of an extension may be older on one end, or hold a value that
its own receiving function does not take."""

_LINE = re.compile(r"^COPY .*?, line (\d+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table to copy: the arguments of its step."""

    schema: str
    name: str
    columns: Sequence[str]
    """Without generated ones."""
    encoding: str
    """Of the source database: its server sends the bytes as they are, the target converts."""
    key: Sequence[str] = ()
    filter: str | None = None
    """A boolean expression: which rows are moved."""
    where: str | None = None
    """What an extension says which rows of its table are the user's: the end of a query, `WHERE ...`."""
    fresh: bool = True
    """Whether this task alone made the table and fills it."""
    freeze: bool = True
    """Whether a fresh table's rows are frozen as they come, so that no vacuum has to visit them."""
    root: Sequence[str] | None = None
    """Schema and name of the partitioned table at the top."""
    routed: bool = False
    """Whether the rows go into the root, and the target finds the partition of each."""
    format: str = "text"
    """text | binary: see `dtsrun.copy_format`."""
    format_reason: str = ""
    """Why text, where binary would have been taken."""
    format_refused: bool = False
    """Whether the spec asks for binary and cannot have it here."""

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.schema, self.name)

    @property
    def label(self) -> str:
        """For people."""
        return f"TABLE {self.schema}.{self.name}"

    def copy_to(self) -> sql.Composable:
        """Return the statement for the source."""
        options = sql.SQL("to stdout with (format {}{})").format(sql.SQL(self.format), self._encoded(self.encoding))
        what = sql.SQL("({})").format(self._query()) if self.filter or self.where else self._with_columns()
        return sql.SQL("copy {} {}").format(what, options)

    def copy_from(self, own_encoding: str, *, freeze: bool) -> sql.Composable:
        """Return the statement for the target.

        Args:
            own_encoding: the target database's.
        """
        into = sql.Identifier(*self.root) if self.routed and self.root else self.identifier
        # Bytes said to be SQL_ASCII are taken unseen, also by a database where they are not valid.
        encoding = own_encoding if self.encoding == "SQL_ASCII" else self.encoding
        return sql.SQL("copy {} {} from stdin with (format {}{}, freeze {})").format(
            into, self._column_list(), sql.SQL(self.format), self._encoded(encoding), sql.Literal(freeze)
        )

    def row_at(self, line: int) -> sql.Composed:
        """Return the query for the key of the row that a COPY sends in a line; the place in the table also makes the
        server read the table and not an index over the key."""
        texts = [sql.SQL("{}::pg_catalog.text").format(sql.Identifier(column)) for column in self.key]
        wanted = sql.SQL(", ").join([sql.SQL("ctid::pg_catalog.text as place"), *texts])
        return sql.SQL("select {} from only {} offset {} limit 1").format(
            wanted, self.identifier, sql.Literal(line - 1)
        )

    def _encoded(self, encoding: str) -> sql.Composable:
        # In binary the client_encoding counts, which is UTF8 in all our sessions.
        return sql.SQL(", encoding {}").format(sql.Literal(encoding)) if self.format == "text" else sql.SQL("")

    def _with_columns(self) -> sql.Composable:
        return sql.SQL("{} {}").format(self.identifier, self._column_list())

    def _column_list(self) -> sql.Composable:
        # A table without columns has rows too; `()` is no list of columns, none at all is right.
        return sql.SQL("({})").format(self._names()) if self.columns else sql.SQL("")

    def _names(self) -> sql.Composable:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    def _query(self) -> sql.Composable:
        end = sql.SQL(self.where or "")
        if not self.filter:
            return sql.SQL("select {} from only {} {}").format(self._names(), self.identifier, end)
        # Others wrote the conditions: a comment at the end of one must not swallow what follows.
        return sql.SQL("select {} from (select * from only {} {}\n) as {} where ({}\n)").format(
            self._names(), self.identifier, end, sql.Identifier(self.name), sql.SQL(self.filter)
        )


@dataclass(frozen=True, slots=True)
class _SetAside:
    """A constraint that was dropped so that rows could come."""

    owner: str
    """`table public.orders`, ready for ALTER."""
    name: str
    definition: str
    reason: str


@dataclass(slots=True)
class _Copy:
    """One table on its way."""

    context: StepContext
    table: Table
    set_aside: list[_SetAside] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)
    search_path: str | None = None
    """Taken from the source where a function needs one."""

    def run(self) -> StepResult:
        """Move the rows, whatever has to give way for it. Raises psycopg.Error where nothing can."""
        if self.table.format_refused:
            self._deviate(f"its rows went as text, though binary was asked for: {self.table.format_reason}")
        try:
            result = self._move_in_its_format()
        except OBSTACLES as error:
            result = self._move_despite(error)
        return replace(result, deviations=tuple(self.deviations))

    def _move_in_its_format(self) -> StepResult:
        try:
            return self._move()
        except NOT_BINARY as error:
            if self.table.format != "binary" or not _may_be_of_the_format(error):
                raise
            self.table = replace(self.table, format="text")
            self._deviate(f"its rows went as text: {describe(error)}")
            return self._move()

    def _move_despite(self, error: psycopg.Error) -> StepResult:
        with savepoint(self.context.target()):
            self._give_way(error)
            result = self._move_at_any_rate()
            for constraint in reversed(self.set_aside):
                self._restore(constraint)
        return result

    def _move_at_any_rate(self) -> StepResult:
        while True:
            try:
                return self._move()
            except OBSTACLES as error:
                self._give_way(error)

    def _move(self) -> StepResult:
        source, target = self.context.source(), self.context.target()
        with savepoint(source, PLAIN_MONEY), savepoint(target, PLAIN_MONEY):
            freeze = self.table.fresh and not self.table.routed and self._is_empty() and self.table.freeze
            copy_from = self.table.copy_from(_encoding(target), freeze=freeze)
            moved = copy_rows(source, self.table.copy_to(), target, copy_from, progress=self.context.progress)
        return StepResult(rows=moved.rows, bytes=moved.bytes)

    def _is_empty(self) -> bool:
        """Tell whether the table holds no rows; if they are to be frozen, make it new in this transaction as well.

        A partition may hold rows that came through the root. The lock keeps more of them from coming in between.
        """
        target, table = self.context.target(), self.table.identifier
        if self.table.freeze:
            target.execute(sql.SQL("lock table only {} in access exclusive mode").format(table))
        if target.execute(sql.SQL("select from only {} limit 1").format(table)).fetchone() is not None:
            if self.table.root is None:
                self._deviate("it held rows already that this task did not put there; they were kept")
            return False
        if self.table.freeze:
            target.execute(sql.SQL("truncate only {}").format(table))
        return True

    def _give_way(self, error: psycopg.Error) -> None:
        """Clear away what refused a row. Raises the error where that cannot be."""
        if side_of(error) != "target":
            raise error
        if not isinstance(error, psycopg.errors.CheckViolation):
            self._take_search_path(error)
        elif error.diag.constraint_name:
            self.set_aside.append(_drop_check(self.context.target(), self.table, error))
        else:
            self._route(error)

    def _route(self, error: psycopg.Error) -> None:
        """A violation without a name: the bounds of a partition, which depend on collation, encoding, enum OIDs."""
        if self.table.root is None or self.table.routed:
            raise error
        self.table = replace(self.table, routed=True)
        self._deviate(f"its rows went where the target's bounds put them: {describe(error)}")

    def _restore(self, constraint: _SetAside) -> None:
        definition = f"{constraint.definition.removesuffix(' NOT VALID')} NOT VALID"
        self.context.target().execute(
            sql.SQL("alter {} add constraint {} {}").format(
                sql.SQL(constraint.owner), sql.Identifier(constraint.name), sql.SQL(definition)
            )
        )
        self._deviate(
            f"constraint {constraint.name} is NOT VALID now, rows of the source violate it: {constraint.reason}"
        )

    def _take_search_path(self, error: psycopg.Error) -> None:
        """Let functions that rely on a search_path find what they name, as they do on the source."""
        if self.search_path is not None or "function" not in (error.diag.context or ""):
            raise error
        self.search_path = _own_search_path(self.context.source())
        self.context.target().execute("select pg_catalog.set_config('search_path', %s, true)", [self.search_path])
        self._deviate(
            f"its rows could be written only with search_path = {self.search_path}:"
            " a function of a CHECK or type names objects without their schema"
        )

    def _deviate(self, message: str) -> None:
        self.deviations.append(Deviation(database=self.context.step.database, object=self.table.label, message=message))


def copy_table(context: StepContext) -> StepResult:
    """Copy the rows of the table that the step's arguments describe (see `Table`).

    What is wrong with the table or its rows becomes a failure that names both; the rest of the task goes on.

    Raises:
        psycopg.Error: not the table's own fault: the connection broke, the server stops, a deadlock.
        Interrupted: the user stopped the task.
    """
    table = Table(**context.step.args)
    try:
        return _Copy(context, table).run()
    except psycopg.Error as error:
        if not is_own_fault(error):
            raise
        return StepResult(failures=(explained(context, table, error),))


def is_own_fault(error: psycopg.Error) -> bool:
    """Return whether an error is about the object at hand: neither transient, nor the user's stop (57014)."""
    return reaction(error) in (Reaction.FAIL, Reaction.PRIVILEGE) and error.sqlstate not in (None, "57014")


def explained(context: StepContext, table: Table, error: psycopg.Error) -> Failure:
    """Return an error as a failure of the table: the side, the server's words, the row, the remedy."""
    side = side_of(error)
    message = f"on the {side}: {describe(error)}" if side else describe(error)
    if isinstance(error, CANNOT_CONVERT) and (row := _row_of(context.source(), table, error)):
        message = f"{message}; it is the row {row}"
    return Failure(object=table.label, message=message, hint=_hint(context, table, error))


@contextmanager
def savepoint(connection: Connection, *more: sql.Composable) -> Iterator[None]:
    """Undo all that happens inside, if it ends with an error; `more` statements go along in the same round trip."""
    try:
        connection.execute(sql.SQL("; ").join([SAVEPOINT, *more]))
        yield
    except BaseException:
        if not connection.closed:
            connection.execute(ROLLBACK)
        raise
    connection.execute(RELEASE)


def _may_be_of_the_format(error: psycopg.Error) -> bool:
    if isinstance(error, CANNOT_CONVERT):
        return False  # text says the same
    return not isinstance(error, UNKNOWN_NAME) or "binary" in str(error)


def _drop_check(target: Connection, table: Table, error: psycopg.errors.CheckViolation) -> _SetAside:
    found = target.execute(
        _query("checks.sql"),
        {
            "table": table.identifier.as_string(target),
            "constraint": error.diag.constraint_name,
            "type_schema": error.diag.schema_name if error.diag.datatype_name else None,
            "type": error.diag.datatype_name,
        },
    ).fetchone()
    if found is None:
        raise error
    # The DELETE has no effect but one: without a statement that writes, PostgreSQL 18 begins no savepoint after
    # ALTER DOMAIN ("unprocessed inval messages").
    target.execute(
        sql.SQL("alter {} drop constraint {}; delete from only {} where false").format(
            sql.SQL(found.owner), sql.Identifier(found.name), table.identifier
        )
    )
    return _SetAside(found.owner, found.name, found.definition, describe(error))


def _query(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


def _encoding(connection: Connection) -> str:
    # Every server reports it at the login.
    return connection.info.parameter_status("server_encoding") or "UTF8"


def _own_search_path(source: Connection) -> str:
    """Return the search_path that sessions of the database have which, unlike ours, do not set one."""
    found = source.execute(_query("search_path.sql")).fetchone()
    assert found is not None  # a query without a table has one row
    return str(found.path)


def _row_of(source: Connection, table: Table, error: psycopg.Error) -> str | None:
    """Return the key, or else the place, of the row in which a COPY stopped; None where it cannot be known."""
    line = _LINE.search(error.diag.context or "")
    if line is None or table.filter or table.where or side_of(error) != "target":
        return None
    try:
        with savepoint(source, IN_PHYSICAL_ORDER):
            row = source.execute(table.row_at(int(line[1]))).fetchone()
    except (psycopg.Error, UnicodeError):
        # The key itself may be what cannot be read; the server's words have the line.
        return None
    return _named(table.key, row) if row is not None else None


def _named(key: Sequence[str], row: Sequence[Any]) -> str:
    if not key:
        return f"at ctid {row[0]}"
    return f"({', '.join(key)})=({', '.join(str(value) for value in row[1:])})"


def _hint(context: StepContext, table: Table, error: psycopg.Error) -> str | None:
    if "invalid memory alloc request size" in str(error) or "string buffer" in str(error):
        return "a row is longer than 1 GB as text: split it, or leave it out with a filter in `rows`"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return _privilege_hint(context, table, error)
    if isinstance(error, CANNOT_CONVERT):
        return _encoding_hint(table)
    if isinstance(error, psycopg.errors.UndefinedFunction) and "conversion function" in str(error):
        return "create the target database with the source's encoding, or with UTF8"
    return error.diag.message_hint


def _privilege_hint(context: StepContext, table: Table, error: psycopg.Error) -> str:
    name = f"{table.schema}.{table.name}"
    account = context.facts(side_of(error) or "source").current_user
    if "row-level security" in str(error):
        return f"a policy would hide rows from {account}: alter role {account} bypassrls, or exclude {name}"
    if side_of(error) == "target":
        return f"{account} has to be a member of the role that owns {name} on the target"
    if "for schema" in str(error):
        return f"grant usage on schema {table.schema} to {account}"
    return f"grant select on {name} to {account}"


def _encoding_hint(table: Table) -> str:
    if table.encoding == "SQL_ASCII":
        return "the source database is SQL_ASCII, which holds any bytes: mend those that are not valid in the target's"
    return f"mend the row on the source, or create the target database with encoding {table.encoding}"


def arguments(table: Table) -> Mapping[str, Any]:
    """Return a table as arguments of a step, without what is as usual."""
    usual = {"key": (), "filter": None, "where": None, "fresh": True, "freeze": True, "root": None, "routed": False,
             "format": "text", "format_reason": "", "format_refused": False}  # fmt: skip
    given = {name: getattr(table, name) for name in Table.__dataclass_fields__}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if name not in usual or value != usual[name]
    }
