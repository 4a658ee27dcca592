"""In which format a table's rows travel: binary where every column's binary form means the same on both ends.

Binary is up to three times as fast as text for numbers and timestamps, since nobody writes or reads digits. It is
right only where the bytes stand for themselves: not where they hold an OID of the source's catalogs (`regclass`), nor
where text in them would have to be converted from an encoding that our sessions do not speak: COPY's option
`encoding` counts for the text format alone, in binary each value is converted from and to the client_encoding.

Versions 10 to 18 write the same bytes for all types in the lists below. (Timestamps have been 64-bit integers in
every build since 10.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from dtsrun.api import Column, Database, TypeFact

FIRST_UNSTABLE_OID: Final = 10_000
"""Lower OIDs are assigned by hand: the same type on every server and in every version."""

FIRST_USER_OID: Final = 16_384

FOREIGN_OIDS_SINCE: Final = 14
"""The target's version from which on arrays and composites are taken though the source has another OID for their
parts; before, "wrong element type"."""

PLAIN: Final = frozenset(
    {
        *("bool", "char", "int2", "int4", "int8", "float4", "float8", "numeric", "money", "uuid", "bytea"),
        *("bit", "varbit"),
        *("date", "time", "timetz", "timestamp", "timestamptz", "interval", "inet", "cidr", "macaddr", "macaddr8"),
        *("point", "line", "lseg", "box", "path", "polygon", "circle"),
        *("oid", "tid", "xid", "cid", "xid8", "pg_lsn", "txid_snapshot", "pg_snapshot", "int2vector", "oidvector"),
    }
)  # fmt: skip
"""Built-in types that hold no text and no OID with a meaning (a plain `oid` is a number in either format)."""

TEXTUAL: Final = frozenset({"text", "varchar", "bpchar", "name", "json", "jsonb", "jsonpath", "tsvector", "refcursor"})
"""Built-in types whose binary form holds text. Not among them: xml, which may declare an encoding of its own, and
tsquery, whose receiving function refuses an empty query."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a table's rows travel."""

    name: str
    """binary | text."""
    reason: str = ""
    """Why text, one clause; empty for binary and where the spec asks for text."""


@dataclass(frozen=True, slots=True)
class Formats:
    """Decides on the tables of one database.

    Args:
        wanted: auto | text | binary, of the spec.
        target_major: the target's version.
        extension_types: names of types by extension whose binary form is the same in all versions that have one.
        kept: labels of types that the target has already and keeps: they may be other types of the same name.
    """

    database: Database
    wanted: str
    target_major: int
    extension_types: frozenset[tuple[str, str]] = frozenset()
    kept: frozenset[str] = frozenset()
    _known: dict[int, str] = field(default_factory=dict)

    def choose(self, columns: Iterable[Column]) -> Format:
        """Return the format for a table with these columns."""
        if self.wanted == "text":
            return Format("text")
        for column in columns:
            if obstacle := self._obstacle(column.type_oid):
                return Format("text", f"column {column.name} ({column.type}) {obstacle}")
        return Format("binary")

    def _obstacle(self, oid: int) -> str:
        """Return what is against the binary form of a type; empty if nothing is."""
        if oid not in self._known:
            self._known[oid] = self._look(oid)
        return self._known[oid]

    def _look(self, oid: int) -> str:
        found = self.database.types.get(oid)
        if found is None:
            return "has a type that is not known"
        if f"{'DOMAIN' if found.form == 'd' else 'TYPE'} {found.schema}.{found.name}" in self.kept:
            return "has a type that the target keeps as it is"
        if found.form == "b":
            return self._base(found)
        return self._own(found) or next(filter(None, map(self._obstacle, found.parts)), "")

    def _base(self, found: TypeFact) -> str:
        is_built_in = found.schema == "pg_catalog" and found.extension is None and found.oid < FIRST_USER_OID
        if is_built_in and found.name in PLAIN:
            return ""
        if (is_built_in and found.name in TEXTUAL) or (found.extension, found.name) in self.extension_types:
            return self._text()
        return "has no binary form that is known to mean the same on another server"

    def _own(self, found: TypeFact) -> str:
        """Return what is against a type itself, whatever it consists of."""
        if found.form == "e":
            return self._text()
        if found.form in ("r", "m", "d"):
            return ""
        if found.form == "a" and all(part < FIRST_UNSTABLE_OID for part in found.parts):
            return ""
        if found.form in ("a", "c") and found.oid >= FIRST_USER_OID:
            return self._foreign_oids()
        return "has no binary form that is known to mean the same on another server"

    def _foreign_oids(self) -> str:
        if self.target_major >= FOREIGN_OIDS_SINCE:
            return ""
        return f"names types by their OIDs in its binary form, which servers before {FOREIGN_OIDS_SINCE} refuse"

    def _text(self) -> str:
        encoding = self.database.encoding
        return "" if encoding == "UTF8" else f"holds text in {encoding}, which the target itself has to convert"
