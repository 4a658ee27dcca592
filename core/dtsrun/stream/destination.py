"""The tables of the target as changes meet them: columns by name, rows found by what the source says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from psycopg import sql

from dtsrun.api import Connection
from dtsrun.errors import MigrationError
from dtsrun.stream.pgoutput import UNCHANGED, Relation, Row, Unchanged, Value

Mask = tuple[str, ...]
"""Of each value one letter: v(alue), n(ull), u(nchanged)."""

FULL: Final = "f"


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetColumn:
    """A column of the target."""

    name: str
    is_always: bool
    """GENERATED ALWAYS AS IDENTITY: no UPDATE may set it."""
    equality: tuple[str, str] | None
    """Schema and name of the operator; None: values are compared as text."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where the changes of a relation of the source go."""

    relation: Relation
    is_partitioned: bool
    columns: tuple[TargetColumn, ...]
    """One for each column of the relation, in its order."""
    _places: dict[tuple[Mask, Mask, bool], tuple[list[int], list[int]]] = field(default_factory=dict, compare=False)

    @cached_property
    def qualified(self) -> str:
        """`schema.name`, for people."""
        return f"{self.relation.schema}.{self.relation.name}"

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """Places of the columns of the replica identity; with whole rows, all."""
        return tuple(place for place, column in enumerate(self.relation.columns) if column.is_key)

    @cached_property
    def _always(self) -> list[int]:
        return [place for place, column in enumerate(self.columns) if column.is_always]

    def key_of(self, row: Row) -> str:
        """Return a row's key for people: `id = 5`; empty where whole rows are its identity, for they are data."""
        if self.relation.identity == FULL:
            return ""
        parts = (f"{self.columns[place].name} = {_shown(row[place])}" for place in self.keys)
        return ", ".join(parts)

    # --- statements --------------------------------------------------------------------------------------------

    def insert(self, rows: int) -> bytes:
        """Return the statement that inserts some rows; its parameters are their values, row by row."""
        if not self.columns:
            return _bytes(sql.SQL("insert into {} default values").format(self._name))
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in self.columns)
        width = len(self.columns)
        return _bytes(
            sql.SQL("insert into {} ({}) overriding system value values {}").format(
                self._name, names, sql.SQL(", ").join(_places(row * width, width) for row in range(rows))
            )
        )

    def update(self, new: Mask, old: Mask | None, *, old_is_whole: bool) -> bytes | None:
        """Return the statement that changes a row, None where it would change nothing.

        Its parameters are those at `places`.
        """
        sets = self.settable(new)
        if not sets:
            return None
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(self.columns[place].name), _place(number))
            for number, place in enumerate(sets)
        )
        found = self._found(old or new, len(sets), whole=old is not None and old_is_whole)
        return _bytes(sql.SQL("update {} set {} where {}").format(self.only, assignments, found))

    def places(self, new: Mask, by: Mask, *, whole: bool) -> tuple[list[int], list[int]]:
        """Return the places of the values that an update is given: of the new row, and of the one that it is found by.

        None of them is a value that was not sent.
        """
        known = self._places.get((new, by, whole))
        if known is None:
            known = self._places[new, by, whole] = self.settable(new), self.compared(by, whole=whole)
        return known

    def moves_fixed(self, new: Row, old: Row | None) -> bool:
        """Tell whether an update changes a column that no UPDATE may set."""
        if old is None or not self._always:
            return False
        return any(old[place] != new[place] for place in self._always if self._is_told(place, old, new))

    def whole(self, new: Row, old: Row | None) -> Row:
        """Return a changed row with the values that were not sent, which the old row has.

        Raises:
            MigrationError: nobody sent them.
        """
        if UNCHANGED not in new:
            return new
        if old is None or UNCHANGED in old:
            raise MigrationError(
                f"target: a row of {self.qualified} got another value of its identity column, and large values of it"
                " were not sent again",
                hint="repair the table: it is copied anew",
            )
        return tuple(before if now is UNCHANGED else now for now, before in zip(new, old, strict=True))

    def delete(self, old: Mask, *, old_is_whole: bool) -> bytes:
        """Return the statement that deletes a row; its parameters are those of `delete_values`."""
        return _bytes(sql.SQL("delete from {} where {}").format(self.only, self._found(old, 0, whole=old_is_whole)))

    def delete_values(self, old: Row, *, old_is_whole: bool) -> list[bytes | None]:
        """Return what a delete is given."""
        values = [old[place] for place in self.compared(mask_of(old), whole=old_is_whole)]
        return [_sent(value) for value in values]

    def settable(self, new: Mask) -> list[int]:
        """Return places of the columns that an update sets."""
        return [place for place, kind in enumerate(new) if kind != "u" and not self.columns[place].is_always]

    def compared(self, by: Mask, *, whole: bool) -> list[int]:
        """Return places of the columns whose value a row is found by."""
        places: Sequence[int] = range(len(by)) if whole else self.keys
        return [place for place in places if by[place] == "v"]

    def _is_told(self, place: int, old: Row, new: Row) -> bool:
        """A key's old row has nulls where a column is no part of the key."""
        return new[place] is not UNCHANGED and (place in self.keys or len(self.keys) == len(old))

    @property
    def _name(self) -> sql.Identifier:
        return sql.Identifier(self.relation.schema, self.relation.name)

    @property
    def only(self) -> sql.Composable:
        """The table's own rows; a partitioned one has them all in its partitions."""
        return self._name if self.is_partitioned else sql.SQL("only {}").format(self._name)

    def _found(self, by: Mask, first: int, *, whole: bool) -> sql.Composed:
        """Return the condition that finds a row by its old values."""
        places: Sequence[int] = range(len(by)) if whole else self.keys
        conditions: list[sql.Composable] = []
        number = first
        for place in places:
            if by[place] == "u":
                raise MigrationError(
                    f"target: a change of {self.qualified} does not say column {self.columns[place].name} of its"
                    " identity",
                    hint="repair the table: it is copied anew",
                )
            conditions.append(self._condition(place, by[place], number))
            number += by[place] == "v"
        condition = sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")
        if not whole:
            return sql.Composed([condition])
        # Of rows that are equal in all columns, one is meant.
        inner = sql.SQL(" from {} where {} limit 1)").format(self.only, condition)
        if self.is_partitioned:
            return sql.SQL("(tableoid, ctid) = (select tableoid, ctid") + inner
        return sql.SQL("ctid = (select ctid") + inner

    def _condition(self, place: int, kind: str, number: int) -> sql.Composed:
        column = self.columns[place]
        name = sql.Identifier(column.name)
        if kind == "n":
            return sql.SQL("{} is null").format(name)
        if column.equality is None:
            return sql.SQL("{}::pg_catalog.text operator(pg_catalog.=) {}").format(name, _place(number))
        schema, operator = column.equality
        return sql.SQL("{} operator({}.{}) {}").format(name, sql.Identifier(schema), sql.SQL(operator), _place(number))


def mask_of(row: Row) -> Mask:
    """Return what kind each value of a row is."""
    if None not in row and UNCHANGED not in row:
        return _all_values(len(row))
    return tuple("v" if isinstance(value, bytes) else "n" if value is None else "u" for value in row)


@cache
def _all_values(count: int) -> Mask:
    return ("v",) * count


def find_destination(connection: Connection, relation: Relation) -> Destination:
    """Look a relation of the source up on the target.

    Raises:
        MigrationError: the target has no such table, or lacks a column.
    """
    query = files(__package__).joinpath("destination.sql").read_text(encoding="utf-8")
    rows = connection.execute(query, {"schema": relation.schema, "name": relation.name}).fetchall()
    known = {
        row.name: TargetColumn(
            name=row.name,
            is_always=row.identity == "a",
            equality=(row.operator_schema, row.operator_name) if row.operator_name else None,
        )
        for row in rows
    }
    if not rows and relation.columns:
        raise MigrationError(
            f"target: there is no table {relation.schema}.{relation.name}, which the source changes",
            hint="make the table, or give it the source's name",
        )
    lacking = [column.name for column in relation.columns if column.name not in known]
    if lacking:
        raise MigrationError(
            f"target: table {relation.schema}.{relation.name} lacks column {', '.join(lacking)} of the source",
            hint="change the table on the target as it was changed on the source",
        )
    return Destination(
        relation=relation,
        is_partitioned=bool(rows) and rows[0].kind == "p",
        columns=tuple(known[column.name] for column in relation.columns),
    )


def _bytes(statement: sql.Composable) -> bytes:
    return statement.as_bytes(None)


def _place(number: int) -> sql.SQL:
    return sql.SQL("$" + str(number + 1))


def _places(first: int, count: int) -> sql.Composed:
    return sql.SQL("({})").format(sql.SQL(", ").join(_place(first + number) for number in range(count)))


def _sent(value: Value) -> bytes | None:
    assert not isinstance(value, Unchanged)  # such columns are left out
    return value


def _shown(value: Value) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else "null"
