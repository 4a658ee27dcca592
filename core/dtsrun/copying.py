"""The rows of one table, from one server to the other, with what to do where the target refuses them.

A table's rows arrive as a whole or not at all: all of it happens under savepoints, so that a table that fails leaves
the step's transaction, and the session on the source, as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun import marks
from dtsrun.api import Connection, Deviation, Failure, StepContext, StepResult
from dtsrun.copied_table import WAY, Table, way_text
from dtsrun.postgres.identifiers import quoted
from dtsrun.postgres.mover import copy_rows, side_of
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

SAVEPOINT: Final = sql.SQL("savepoint dtsrun_copy")
ROLLBACK: Final = sql.SQL("rollback to savepoint dtsrun_copy; release savepoint dtsrun_copy")
RELEASE: Final = sql.SQL("release savepoint dtsrun_copy")

PLAIN_MONEY: Final = sql.SQL("set local lc_monetary = 'C'")
"""Both ends write and read amounts of money alike, whatever their locales."""

UNASKED: Final = sql.SQL("set local session_replication_role = replica")
"""The target does not look up rows in the tables that foreign keys refer to."""

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
            self.deviations.append(text_deviation(self.context, self.table))
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
            if self.search_path is not None:
                # Other tables may follow in the same transaction.
                self.context.target().execute("select pg_catalog.set_config('search_path', '', true)")
        return result

    def _move_at_any_rate(self) -> StepResult:
        while True:
            try:
                return self._move()
            except OBSTACLES as error:
                self._give_way(error)

    def _move(self) -> StepResult:
        source, target = self.context.source(), self.context.target()
        unasked = [UNASKED] if self._may_trust() else []
        with savepoint(source, PLAIN_MONEY), savepoint(target, PLAIN_MONEY, *unasked):
            freeze = self.table.fresh and not self._is_shared() and self._is_empty() and self.table.freeze
            copy_from = self.table.copy_from(server_encoding(target), freeze=freeze)
            out, progress = self.table.copy_to(), self.context.progress
            moved = copy_rows(source, out, target, copy_from, progress=progress, few=self.table.few)
        way = way_text([(moved.mover, self.table.format)])
        return StepResult(rows=moved.rows, bytes=moved.bytes, detail={WAY: way})

    def _may_trust(self) -> bool:
        """Tell whether the tables that foreign keys refer to are here, and of the same snapshot."""
        if not self.table.trusts:
            return False
        found = marks.read_some(self.context.target(), self.context.spec.task.name, self.table.trusts)
        return all(
            (mark := found.get(key)) is not None and mark.done and mark.epoch == self.context.epoch
            for key in self.table.trusts
        )

    def _is_shared(self) -> bool:
        """Tell whether other steps write to the same table."""
        return self.table.routed or bool(self.table.pages)

    def _is_empty(self) -> bool:
        """Tell whether the table holds no rows; if they are to be frozen, make it new in this transaction as well.

        A partition may hold rows that came through the root. The lock keeps more of them from coming in between.
        """
        target, table = self.context.target(), self.table.identifier
        if self.table.freeze and self._is_referred():
            self.table = replace(self.table, freeze=False)  # PostgreSQL does not truncate it
        if self.table.freeze:
            target.execute(sql.SQL("lock table only {} in access exclusive mode").format(table))
        if target.execute(sql.SQL("select from only {} limit 1").format(table)).fetchone() is not None:
            if self.table.root is None:
                self._deviate("it held rows already that this task did not put there; they were kept")
            return False
        if self.table.freeze:
            target.execute(sql.SQL("truncate only {}").format(table))
        return True

    def _is_referred(self) -> bool:
        """Tell whether foreign keys refer to the table already: an earlier run made them, and this table had failed."""
        row = (
            self.context.target()
            .execute(
                "select exists (select from pg_catalog.pg_constraint"
                " where contype = 'f' and confrelid = %s::pg_catalog.regclass and conrelid <> confrelid) as found",
                [self.table.identifier.as_string(self.context.target())],
            )
            .fetchone()
        )
        return bool(row and row.found)

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
    return copy_one(context, Table(**context.step.args))


def copy_one(context: StepContext, table: Table) -> StepResult:
    """Copy the rows of one table, as `copy_table` does."""
    try:
        return move_rows(context, table)
    except psycopg.Error as error:
        if not is_own_fault(error):
            raise
        return StepResult(failures=(explained(context, table, error),))


def move_rows(context: StepContext, table: Table) -> StepResult:
    """Copy the rows of one table. Raises psycopg.Error where that cannot be, also for a fault of the table itself."""
    return _Copy(context, table).run()


def text_deviation(context: StepContext, table: Table) -> Deviation:
    """Return what is said of a table whose rows go as text although the spec asks for binary."""
    message = f"its rows went as text, though binary was asked for: {table.format_reason}"
    return Deviation(database=context.step.database, object=table.label, message=message)


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


def server_encoding(connection: Connection) -> str:
    """Return the encoding of the session's database, which every server reports at the login."""
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
    if isinstance(error, psycopg.errors.ForeignKeyViolation):
        return "the referred rows are of another snapshot: start over with --restart, or set foreign_keys: checked"
    if isinstance(error, psycopg.errors.UndefinedFunction) and "conversion function" in str(error):
        return "create the target database with the source's encoding, or with UTF8"
    return error.diag.message_hint


def _privilege_hint(context: StepContext, table: Table, error: psycopg.Error) -> str:
    name = f"{table.schema}.{table.name}"
    account = context.facts(side_of(error) or "source").current_user
    if "row-level security" in str(error):
        return f"a policy would hide rows from {account}: alter role {quoted(account)} bypassrls, or exclude {name}"
    if side_of(error) == "target":
        return f"{account} has to be a member of the role that owns {name} on the target"
    if "for schema" in str(error):
        return f"grant usage on schema {quoted(table.schema)} to {quoted(account)}"
    return f"grant select on {quoted(table.schema, table.name)} to {quoted(account)}"


def _encoding_hint(table: Table) -> str:
    if table.encoding == "SQL_ASCII":
        return "the source database is SQL_ASCII, which holds any bytes: mend those that are not valid in the target's"
    return f"mend the row on the source, or create the target database with encoding {table.encoding}"
