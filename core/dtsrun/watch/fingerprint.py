"""A database's catalogs as marks that can be compared later: what changed since, object by object.

Reading is set-based: one query for the marks of all objects, and one for a sum by which it is seen that there is
nothing to read at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Any, NamedTuple

from psycopg import sql

from dtsrun.api import Connection
from dtsrun.watch.catalogs import WATCHED
from dtsrun.watch.grants import Grant, Grants, read_grants


class Address(NamedTuple):
    """Where an object is described."""

    catalog: int
    oid: int


@dataclass(frozen=True, slots=True)
class Named:
    """What an object is called."""

    type: str
    """As pg_identify_object says: `table`, `function`, `table constraint`."""
    schema: str | None
    name: str | None
    identity: str
    """`public.orders`, `public.total(integer)`, `orders_check on public.orders`."""
    relation: int
    """OID of the table that it is or belongs to; 0: none."""
    definition: str | None = None
    """Of a constraint."""
    is_members: bool = False
    """Whether an extension owns it."""

    @property
    def plain(self) -> str:
        """What a pattern may mean after the schema: routines have no name of their own, since a name may be several."""
        if self.name is not None or self.schema is None:
            return self.name or self.identity
        return self.identity.removeprefix(f"{self.schema}.").removeprefix(f'"{self.schema}".')


@dataclass(frozen=True, slots=True)
class ColumnText:
    """A column as it is written."""

    number: int
    name: str
    type: str
    is_not_null: bool
    default_text: str | None
    special: str
    """`a` or `d`: identity; `s` or `v`: generated."""
    is_constant_default: bool


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What decides whether and how a table is followed."""

    schema: str
    name: str
    relkind: str
    persistence: str
    identity: str
    identity_index: int
    is_partition: bool
    parent: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """The state of a database's catalogs at one moment."""

    pulse: str
    """Changes when anything may have changed."""
    marks: Mapping[Address, Mapping[str, str]]
    """Of each object, the marks of its parts by catalog."""
    names: Mapping[Address, Named]
    tables: Mapping[int, TableFacts]
    columns: Mapping[int, tuple[ColumnText, ...]] = field(default_factory=dict)
    """Of followed tables."""
    grants: Mapping[Address, Grants] = field(default_factory=dict)
    """Of objects on which somebody ever granted or revoked."""

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON holds it, so that another run compares with the same beginning."""
        return {
            "pulse": self.pulse,
            "marks": [[*address, dict(parts)] for address, parts in self.marks.items()],
            "names": [[*address, asdict(named)] for address, named in self.names.items()],
            "tables": {str(oid): asdict(facts) for oid, facts in self.tables.items()},
            "grants": [[*address, grants] for address, grants in self.grants.items()],
            "columns": {str(oid): [asdict(column) for column in columns] for oid, columns in self.columns.items()},
        }

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Fingerprint:
        """Return what `as_data` gave."""
        return Fingerprint(
            pulse=data["pulse"],
            marks={Address(catalog, oid): parts for catalog, oid, parts in data["marks"]},
            names={Address(catalog, oid): Named(**named) for catalog, oid, named in data["names"]},
            tables={int(oid): TableFacts(**facts) for oid, facts in data["tables"].items()},
            columns={int(oid): tuple(ColumnText(**c) for c in columns) for oid, columns in data["columns"].items()},
            grants={
                Address(catalog, oid): tuple(Grant(*each) for each in grants) for catalog, oid, grants in data["grants"]
            },
        )


def read_fingerprint(source: Connection, followed: Iterable[int], before: Fingerprint | None = None) -> Fingerprint:
    """Return the state of the catalogs now, or in the snapshot that the connection reads in.

    Args:
        followed: OIDs of the tables whose columns are kept.
        before: an earlier one of the same database: only what is unlike it is asked for its name. Of tables that were
            made since, the columns are kept as well: they are followed one day.
    """
    pulse = read_pulse(source)
    marks = _marks(source)
    known = {} if before is None else {a: n for a, n in before.names.items() if marks.get(a) == before.marks.get(a)}
    names = {**known, **_names(source, [address for address in marks if address not in known])}
    tables = _tables(source)
    new = set() if before is None else before.columns.keys() | (tables.keys() - before.tables.keys())
    columns = _columns(source, sorted({*followed, *new}))
    grants = {Address(*address): granted for address, granted in read_grants(source).items()}
    return Fingerprint(pulse=pulse, marks=marks, names=names, tables=tables, columns=columns, grants=grants)


def read_pulse(source: Connection) -> str:
    """Return a text that is another one when a row of a watched catalog is."""
    query = sql.SQL(" union all ").join(catalog.pulse for catalog in WATCHED)
    # A replica identity is set in place of the old row of pg_class and pg_index, so that their sums change with it.
    return ";".join(f"{row.part}:{row.rows}:{row.total}" for row in source.execute(query).fetchall())


def _marks(source: Connection) -> dict[Address, dict[str, str]]:
    query = sql.SQL(" union all ").join(catalog.marks for catalog in WATCHED)
    found: dict[Address, dict[str, str]] = {}
    comments = []
    for row in source.execute(query).fetchall():
        if row.part == "pg_description":
            comments.append(row)
        else:
            found.setdefault(Address(row.catalog, row.oid), {})[row.part] = row.mark
    for row in comments:
        # Comments on what is not watched have nothing to be a part of.
        if (address := Address(row.catalog, row.oid)) in found:
            found[address][row.part] = row.mark
    return found


def _names(source: Connection, addresses: Sequence[Address]) -> dict[Address, Named]:
    if not addresses:
        return {}
    rows = source.execute(
        _query("identify.sql"), {"catalogs": [a.catalog for a in addresses], "oids": [a.oid for a in addresses]}
    ).fetchall()
    return {Address(row.catalog, row.oid): Named(*row[2:]) for row in rows if row.identity is not None}


def _tables(source: Connection) -> dict[int, TableFacts]:
    return {row.oid: TableFacts(*row[1:]) for row in source.execute(_query("relation_facts.sql")).fetchall()}


def _columns(source: Connection, relations: Sequence[int]) -> dict[int, tuple[ColumnText, ...]]:
    found: dict[int, list[ColumnText]] = {}
    for row in source.execute(_query("table_details.sql"), {"relations": list(relations)}).fetchall():
        found.setdefault(row.relation, []).append(ColumnText(*row[1:]))
    return {oid: tuple(columns) for oid, columns in found.items()}


def _query(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()
