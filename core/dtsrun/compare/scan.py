"""The queries of a comparison of rows, for one end."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from dtsrun.api import Connection
from dtsrun.compare.canonical import CanonicalForm, query

BUCKETS: Final = 4096
"""A power of two. Small enough to fetch at once, large enough that one wrong row in a million means to look at a few
hundred."""

SHOWN_CHARACTERS: Final = 120
"""How much of a value is fetched to be shown."""

UNREADABLE: Final = (psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter)
"""What a server says of a text that is not valid in its own encoding, or has no place in ours."""

_WHERE = re.compile(r"\s*where\b", re.IGNORECASE)

Key = tuple[str, ...]
"""The texts of a row's key columns."""


class Sums(NamedTuple):
    """How many rows there are, and the sums of the halves of their digests."""

    rows: int
    high: str
    low: str


class Suspect(NamedTuple):
    """A row of a bucket that differs."""

    digest: str
    key: Key
    shown: str | None
    """The row's text, where it has no key."""


class Detail(NamedTuple):
    """A row column by column."""

    digests: tuple[str, ...]
    values: tuple[str | None, ...]
    """How each value begins. Empty where bytes of one are not valid in the database's own encoding: such values can be
    compared, but not shown."""
    version: str = ""
    """xmin of the row: another one where the row was written since, even with the same values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableEnd:
    """One end of a comparison: which rows of which table, in which canonical form."""

    connection: Connection
    schema: str
    name: str
    columns: tuple[Mapping[str, Any], ...]
    key: tuple[str, ...]
    form: CanonicalForm
    where: str | None = None
    """Rows that count on both ends: an extension's condition."""
    filter: str | None = None
    """Rows that were to be moved. Only for the source: the target must hold these and no others."""
    percent: float = 100.0
    """How many of the rows, chosen by the MD5 of their key (of the whole row, where there is none)."""
    blocks: tuple[int, int] | None = None
    """Only rows of blocks from the first up to but without the second. Ranges differ between ends, but their sums add
    up to those of the table on either."""

    def look(self) -> None:
        """Raise what the server says where the table or one of its columns is not there."""
        columns = sql.SQL(", ").join(sql.Identifier(column["name"]) for column in self.columns)
        self.connection.execute(sql.SQL("select {} from only {} limit 0").format(columns, self._table()))

    def count(self) -> int:
        """Return how many rows there are, whatever part of them is compared."""
        statement = sql.SQL("select count(*) as rows from only {} where {}")
        condition = _all_of([*_given(self.where), *_given(self.filter)])
        row = self.connection.execute(statement.format(self._table(), condition)).fetchone()
        assert row is not None
        return int(row.rows)

    def totals(self) -> Sums:
        """Return the sums of all rows."""
        row = self.connection.execute(self._summed("totals.sql")).fetchone()
        assert row is not None
        return Sums(row.rows, row.high, row.low)

    def buckets(self) -> Mapping[int, Sums]:
        """Return the sums of all buckets that hold a row. Takes nearly twice as long as `totals`."""
        rows = self.connection.execute(self._summed("buckets.sql", mask=sql.Literal(BUCKETS - 1)))
        return {row.bucket: Sums(row.rows, row.high, row.low) for row in rows}

    def _summed(self, name: str, **parts: sql.Composable) -> sql.Composed:
        digest = sql.Identifier("digest")
        return query(name).format(
            digested=self.form.digested(self.columns),
            high=self.form.half("high", digest),
            low=self.form.half("low", digest),
            table=self._table(),
            condition=self._condition(),
            **parts,
        )

    def suspects(self, buckets: Collection[int]) -> Generator[Suspect, None, None]:
        """Yield the rows of some buckets, ordered by MD5. Closing the iterator closes the cursor."""
        shown = sql.SQL("null::text") if self.key else self._shown_row()
        statement = query("suspects.sql").format(
            image=self.form.row(self.columns),
            high=self.form.half("high", self.form.digested(self.columns)),
            keys=self._keys(),
            shown=shown,
            table=self._table(),
            condition=self._condition(),
            mask=sql.Literal(BUCKETS - 1),
            buckets=sql.Literal(sorted(buckets)),
        )
        with self.connection.cursor(name="dtsrun_suspects") as cursor:
            cursor.itersize = 2000
            for row in cursor.execute(statement):
                yield Suspect(row.digest, tuple(row.keys), row.shown)

    def details(self, keys: Collection[Key]) -> Mapping[Key, list[Detail]]:
        """Return rows by key, column by column. A key that is unique in name only can have several."""
        values = [self.form.shown(c, SHOWN_CHARACTERS) for c in self.columns]
        try:
            with self.connection.transaction():
                return self._details(keys, values)
        except UNREADABLE:
            return self._details(keys, [])

    def _details(self, keys: Collection[Key], values: Sequence[sql.Composable]) -> Mapping[Key, list[Detail]]:
        statement = query("details.sql").format(
            keys=self._keys(),
            digests=sql.SQL(", ").join(self.form.digest(c) for c in self.columns),
            values=sql.SQL(", ").join(values),
            table=self._table(),
            condition=self._condition(),
            wanted=_texts_of_arrays(keys),
        )
        found: dict[Key, list[Detail]] = {}
        for row in self.connection.execute(statement):
            detail = Detail(tuple(row.digests), tuple(row.values), row.version)
            found.setdefault(tuple(row.keys), []).append(detail)
        return found

    def alike(self, digests: Collection[str]) -> Mapping[str, tuple[int, str]]:
        """Return how many rows have one of some MD5, and a text that changes when one of these rows is written."""
        statement = query("alike.sql").format(
            image=self.form.row(self.columns),
            table=self._table(),
            condition=self._condition(),
            digests=sql.Literal(sorted(digests)),
        )
        return {row.digest: (row.rows, row.versions) for row in self.connection.execute(statement)}

    def _table(self) -> sql.Composable:
        return sql.Identifier(self.schema, self.name)

    def _condition(self) -> sql.Composable:
        return _all_of([*_given(self.where), *_given(self.filter), *self._sampled(), *self._blocks()])

    def _sampled(self) -> Iterator[sql.Composable]:
        if self.percent < 100:
            limit = f"{round(self.percent / 100 * 0xFFFFFF):06x}"
            image = self.form.row(self._key_columns() or self.columns)
            yield sql.SQL('substr(md5({}), 1, 6) collate "C" < {}').format(image, sql.Literal(limit))

    def _blocks(self) -> Iterator[sql.Composable]:
        if self.blocks is not None:
            first, end = (sql.Literal(f"({block},0)") for block in self.blocks)
            yield sql.SQL("ctid >= {}::tid and ctid < {}::tid").format(first, end)

    def _key_columns(self) -> Sequence[Mapping[str, Any]]:
        by_name = {column["name"]: column for column in self.columns}
        return [by_name[name] for name in self.key]

    def _keys(self) -> sql.Composable:
        texts = (sql.SQL("format('%s', {})").format(self.form.exact(c)) for c in self._key_columns())
        return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(texts))

    def _shown_row(self) -> sql.Composable:
        length = sql.Literal(SHOWN_CHARACTERS * 3)
        return sql.SQL("left({}, {})").format(self.form.text(self.columns), length)


def _given(condition: str | None) -> Iterator[sql.Composable]:
    """Yield a condition that others wrote, kept apart from what follows even where it ends in a comment."""
    if condition and condition.strip():
        yield sql.SQL("(") + sql.SQL(_WHERE.sub("", condition, count=1)) + sql.SQL("\n)")


def _all_of(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" and ").join(conditions) if conditions else sql.SQL("true")


def _texts_of_arrays(keys: Collection[Key]) -> sql.Composable:
    """Return an array of the texts of text arrays: SQL has no array of arrays of different values to look into."""
    arrays = (sql.SQL("({}::text[])::text").format(sql.Literal(list(key))) for key in keys)
    return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(arrays))
