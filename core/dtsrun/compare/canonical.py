"""The canonical text of a row: equal on both ends exactly where the row is.

`row(a, b, ...)::text` is that text for nearly every type, since each type's own output is exact under the canonical
session settings, NULL differs from the empty string in it, and its quoting leaves no doubt where a column ends. What
is left are types whose text depends on the server's version or the database's encoding:

* before version 12, the digits of floating point numbers (where one end is older, their binary form is taken, and
  floating point numbers inside composites, ranges and extension types count to 15 digits);
* before version 16, a `"char"` above 127;
* between encodings, the order of keys in jsonb and of lexemes in tsvector; the text itself is brought to UTF-8, unless
  one end is SQL_ASCII, which has no encoding to convert from: then bytes are compared;
* money, which depends on `lc_monetary`, set to C while rows are read.

A row's digest is 128 bits: two of PostgreSQL's own 64-bit hashes of that text, with different seeds, which cost a third
of an MD5 that is taken apart. Where an end has no such function (before version 11), where text has to be recoded, or
where both servers do not give the same for the same text (they may differ in byte order), it is the MD5.

Values of up to 1 GB would together pass what a text may hold, so bytea, and in tables with much out-of-line data every
column of variable length, enter by their own MD5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

from psycopg import sql

from dtsrun.api import Connection

SHORTEST_FLOATS_SINCE: Final = 12
ESCAPED_CHAR_SINCE: Final = 16
SEEDED_HASHES_SINCE: Final = 11

WIDE_TABLE_BYTES: Final = 1024**2
"""Out-of-line data of a table from which on columns enter by their MD5. Compression by pglz reaches 1:91, by lz4 1:255,
so a row of 1 GB in text takes more than 4 MB here."""

BYTEA: Final = 17
JSONB: Final = 3802
TSVECTOR: Final = 3614
TEXT_LIKE: Final = frozenset({25, 114, 142, 1043, JSONB})
"""Types that cast to text without a change: text, json, xml, varchar, jsonb."""

FLOAT_SENDERS: Final[Mapping[int, str]] = {
    700: "float4send",
    701: "float8send",
    600: "point_send",
    601: "lseg_send",
    602: "path_send",
    603: "box_send",
    604: "poly_send",
    628: "line_send",
    718: "circle_send",
    **dict.fromkeys((1017, 1018, 1019, 1020, 1021, 1022, 1027, 629, 719), "array_send"),
}
CHAR_SENDERS: Final[Mapping[int, str]] = {18: "charsend", 1002: "array_send"}


@dataclass(frozen=True, slots=True)
class BaseType:
    """The type below all domains."""

    oid: int
    length: int
    """-1 for variable length."""


@dataclass(frozen=True, slots=True)
class CanonicalForm:
    """What both ends agree on: how each column enters the canonical text."""

    types: Mapping[int, BaseType]
    senders: Mapping[int, str]
    settings: Mapping[str, str]
    recoded: bool
    """Whether text is brought to UTF-8."""
    wide: bool
    digest_by: Literal["hash", "md5"]
    """What a row's digest is made with."""

    def exact(self, column: Mapping[str, Any]) -> sql.Composable:
        """Return an expression whose text is exact for a column."""
        name, base = sql.Identifier(column["name"]), self._base(column)
        if base in self.senders:
            return _SENT.format(column=name, send=sql.Identifier(self.senders[base]))
        if self.recoded and base == JSONB:
            return query("jsonb_image.sql").format(column=name)
        if self.recoded and base == TSVECTOR:
            return query("tsvector_image.sql").format(column=name)
        return name

    def short(self, column: Mapping[str, Any]) -> sql.Composable:
        """Return an expression for a column that is exact and, where its text may be long, an MD5."""
        base = self._base(column)
        if base == BYTEA:
            return sql.SQL("md5({})").format(self.exact(column))
        if not (self.wide and self._varies(column)):
            return self.exact(column)
        form = "({})::text" if base in TEXT_LIKE else "row({})::text"
        return sql.SQL("md5({})").format(self.encoded(sql.SQL(form).format(self.exact(column))))

    def row(self, columns: Sequence[Mapping[str, Any]]) -> sql.Composable:
        """Return the canonical text of a row as an expression that md5() takes."""
        return self.encoded(self.text(columns))

    def text(self, columns: Sequence[Mapping[str, Any]]) -> sql.Composable:
        """Return the canonical text of a row in the database's own encoding."""
        return sql.SQL("row({})::text").format(sql.SQL(", ").join(self.short(c) for c in columns))

    def digested(self, columns: Sequence[Mapping[str, Any]]) -> sql.Composable:
        """Return what `half` takes: an expression that is to be computed once for a row."""
        pattern = _HASHED if self.digest_by == "hash" else _MD5
        return pattern.format(self.row(columns))

    def half(self, half: Literal["high", "low"], digested: sql.Composable) -> sql.Composable:
        """Return one half of a row's digest, a bigint."""
        return _HALVES[self.digest_by, half].format(digested)

    def digest(self, column: Mapping[str, Any]) -> sql.Composable:
        """Return the MD5 of one column's value, NULL included."""
        return sql.SQL("md5({})").format(self.row([column]))

    def encoded(self, text: sql.Composable) -> sql.Composable:
        """Return a text expression brought to UTF-8 where the ends' encodings differ."""
        return sql.SQL("convert_to({}, 'UTF8')").format(text) if self.recoded else text

    def shown(self, column: Mapping[str, Any], length: int) -> sql.Composable:
        """Return an expression for the beginning of a value as people read it; NULL for NULL."""
        pattern = _SHOWN_BYTES if self._base(column) == BYTEA else _SHOWN
        return pattern.format(column=sql.Identifier(column["name"]), length=sql.Literal(length))

    def _base(self, column: Mapping[str, Any]) -> int:
        known = self.types.get(column["type_oid"])
        return known.oid if known else 0

    def _varies(self, column: Mapping[str, Any]) -> bool:
        known = self.types.get(column["type_oid"])
        return known is None or known.length == -1


_SENT: Final = sql.SQL(
    # A NaN has many binary forms and one text; moving it as text keeps the latter.
    "case when {column}::text like '%NaN%' then {column}::text else encode({send}({column}), 'hex') end"
)
_SHOWN: Final = sql.SQL("case when num_nulls({column}) = 0 then left(format('%s', {column}), {length}) end")
_SHOWN_BYTES: Final = sql.SQL("'\\x' || encode(substr({column}, 1, {length} / 2), 'hex')")


_HASHED: Final = sql.SQL('{} collate "C"')
_MD5: Final = sql.SQL("('x' || md5({}))::bit(128)")
_HALVES: Final = {
    ("hash", "high"): sql.SQL("hashtextextended({}, 1)"),
    ("hash", "low"): sql.SQL("hashtextextended({}, 2)"),
    ("md5", "high"): sql.SQL("({})::bit(64)::bigint"),
    ("md5", "low"): sql.SQL("({} << 64)::bit(64)::bigint"),
}


def agree(
    source: Connection, target: Connection, columns: Sequence[Mapping[str, Any]], oid: int | None
) -> CanonicalForm:
    """Return the form in which the rows of a table can be compared between two databases.

    Args:
        columns: name and `type_oid` (of the source) of each.
        oid: the table's OID on the source.
    """
    majors = [connection.info.server_version // 10000 for connection in (source, target)]
    encodings = {connection.info.parameter_status("server_encoding") for connection in (source, target)}
    recoded = len(encodings) > 1 and "SQL_ASCII" not in encodings
    old_floats = min(majors) < SHORTEST_FLOATS_SINCE <= max(majors)
    senders: dict[int, str] = {}
    if old_floats:
        senders.update(FLOAT_SENDERS)
    if min(majors) < ESCAPED_CHAR_SINCE <= max(majors):
        senders.update(CHAR_SENDERS)
    return CanonicalForm(
        types=_base_types(source, columns),
        senders=senders,
        settings={"lc_monetary": "C", **({"extra_float_digits": "0"} if old_floats else {})},
        recoded=recoded,
        wide=_outlying_bytes(source, oid) >= WIDE_TABLE_BYTES,
        digest_by="hash" if not recoded and _hash_alike(source, target) else "md5",
    )


_sample_hashes: Final[WeakKeyDictionary[Connection, str]] = WeakKeyDictionary()
"""What the server at the other end of a connection makes of the sample."""


def _hash_alike(source: Connection, target: Connection) -> bool:
    """Return whether both servers have seeded hashes, and these are the same for texts of every length up to 200."""
    ends = (source, target)
    if min(end.info.server_version // 10000 for end in ends) < SEEDED_HASHES_SINCE:
        return False
    for end in ends:
        if end not in _sample_hashes:
            row = end.execute(_text("sample_hashes.sql")).fetchone()
            assert row is not None
            _sample_hashes[end] = row.hashes
    return _sample_hashes[source] == _sample_hashes[target]


def _base_types(source: Connection, columns: Sequence[Mapping[str, Any]]) -> Mapping[int, BaseType]:
    found = source.execute(_text("column_types.sql"), {"types": sorted({c["type_oid"] for c in columns})})
    return {row.type_oid: BaseType(row.base, row.length) for row in found}


def _outlying_bytes(source: Connection, oid: int | None) -> int:
    row = source.execute(
        "select coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) as bytes from pg_class where oid = %s", [oid]
    ).fetchone()
    return int(row.bytes) if row else 0


def _text(name: str) -> str:
    return files("dtsrun.compare").joinpath(name).read_text("utf-8")


def query(name: str) -> sql.SQL:
    """Return a query or a part of one from the file of that name."""
    return sql.SQL(_text(name))
