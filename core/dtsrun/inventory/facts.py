"""Facts from the catalogs: what pg_dump does not say of relations, and all that lies outside any database.

Every function makes one query for the whole database or server, never one an object.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from sys import intern
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from dtsrun.api import (
    Column,
    Connection,
    Extension,
    LargeObjects,
    Membership,
    Relation,
    Role,
    SequenceFact,
    ServerFacts,
    Setting,
    Tablespace,
    TypeFact,
)
from dtsrun.inventory.relations import Store, StoredRelations

LARGE_OBJECTS_RANGE: Final = 500
"""Large objects in one range: a step of a second or so at usual sizes."""

ROWS_AT_ONCE: Final = 2_000
"""Of a query that has many."""

_CURSORS: Final = itertools.count()
"""Numbers of cursors: several are open at once."""

ObjectId = tuple[int, int]
"""OID of the catalog and OID in it, as in pg_depend."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseFacts:
    """A row of pg_database."""

    name: str
    owner: str
    encoding: str
    is_template: bool
    allows_connections: bool
    is_invalid: bool
    """A DROP DATABASE was broken off in it."""
    tablespace: str
    bytes: int
    """0 where we may not connect."""


def query(name: str, **fragments: sql.Composable) -> sql.Composed:
    """Return a query of this package, with its placeholders filled in."""
    text = resources.files(__package__).joinpath(f"{name}.sql").read_text("utf-8")
    # The text is a file of ours, not a user's.
    return sql.SQL(text).format(**fragments)


def server_version(connection: Connection) -> int:
    """Return the major version."""
    return connection.info.server_version // 10000


def read_server_facts(connection: Connection) -> ServerFacts:
    """Return what a server says of itself.

    The settings are those that a session has when it begins (reset_val), not those that ours sets; numbers are in
    the units of pg_settings.
    """
    settings = connection.execute(
        "select name, coalesce(reset_val, setting, '') as value from pg_catalog.pg_settings order by name"
    ).fetchall()
    facts = connection.execute(
        "select current_user::text as current_user, pg_catalog.version() as version_text,"
        " (select rolsuper from pg_catalog.pg_roles where rolname = current_user) as is_superuser,"
        " pg_catalog.pg_get_userbyid(10)::text as bootstrap_role,"
        " pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) as next_transaction"
    ).fetchone()
    looked_at = time.monotonic()
    assert facts is not None  # a query without a table has one row
    return ServerFacts(
        version=connection.info.server_version,
        version_text=facts.version_text,
        current_user=facts.current_user,
        is_superuser=facts.is_superuser,
        bootstrap_role=facts.bootstrap_role,
        settings={row.name: row.value for row in settings},
        cores=_cores(_read_file(connection, "/sys/devices/system/cpu/online")),
        memory=_memory(_read_file(connection, "/proc/meminfo")),
        next_transaction=int(facts.next_transaction),
        looked_at=looked_at,
    )


def _read_file(connection: Connection, path: str) -> str:
    """Return the beginning of a file of the server's machine; empty where the account may not read it, or there is
    none. Superusers and members of pg_read_server_files may."""
    allowed = (
        "select pg_catalog.has_function_privilege('pg_catalog.pg_read_file(text,bigint,bigint)', 'execute')"
        " and (r.rolsuper or exists (select from pg_catalog.pg_roles g where g.rolname = 'pg_read_server_files'"
        " and pg_catalog.pg_has_role(g.oid, 'member'))) as value"
        " from pg_catalog.pg_roles r where r.rolname = current_user"
    )
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE or not _value(connection, allowed):
        return ""
    try:
        return str(_value(connection, sql.SQL("select pg_catalog.pg_read_file({}, 0, 4000) as value").format(path)))
    except psycopg.Error:
        # Version 10 reads no absolute path, other systems have no such file.
        return ""


def _cores(ranges: str) -> int | None:
    """Return how many processors `0-3,8` is."""
    found = re.findall(r"(\d+)(?:-(\d+))?", ranges)
    return sum(int(last or first) - int(first) + 1 for first, last in found) or None


def _memory(text: str) -> int | None:
    found = re.search(r"^MemTotal:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def read_databases(connection: Connection) -> tuple[DatabaseFacts, ...]:
    """Return all databases of the server."""
    return tuple(DatabaseFacts(**row._asdict()) for row in connection.execute(query("databases")))


def read_relations(connection: Connection) -> StoredRelations:
    """Return all relations outside the system's schemas by OID, those of extensions too."""
    # All three come in the order of their relations, so that no more than one relation's are held.
    columns = _Beside(_columns(connection))
    keys = _Beside((row.relation, row.columns) for row in _rows(connection, _keys_query(connection)))
    parents = _parents(connection)
    store = Store()
    for row in _rows(connection, query("relations")):
        store.add(
            Relation(
                **row._asdict(),
                columns=tuple(columns.of(row.oid)),
                key=tuple(name for names in keys.of(row.oid) for name in names),
                parents=tuple(parents.get(row.oid, ())),
            )
        )
    return StoredRelations(store)


def read_types(connection: Connection) -> Mapping[int, TypeFact]:
    """Return the types of the tables' columns, and those that they consist of, by OID."""
    from_14_on = sql.SQL("union all select r.rngsubtype, 0 from pg_catalog.pg_range r where r.rngmultitypid = t.oid")
    more = from_14_on if server_version(connection) >= 14 else sql.SQL("")
    found = (row._asdict() for row in connection.execute(query("types", multiranges=more)))
    return {row["oid"]: TypeFact(**{**row, "parts": tuple(row["parts"])}) for row in found}


def read_sequences(connection: Connection) -> tuple[SequenceFact, ...]:
    """Return the sequences whose value has to be carried."""
    return tuple(SequenceFact(**row._asdict()) for row in connection.execute(query("sequences")))


def read_large_objects(connection: Connection) -> LargeObjects:
    """Return how many large objects there are and what cuts them into ranges.

    The last bound is one above the highest OID, hence up to 2^32: more than the type oid holds.
    """
    rows = connection.execute(query("large_objects"), {"range": LARGE_OBJECTS_RANGE}).fetchall()
    if not rows:
        return LargeObjects()
    size = connection.execute("select pg_catalog.pg_table_size('pg_catalog.pg_largeobject') as bytes").fetchone()
    starts = [row.oid for row in rows if row.number % LARGE_OBJECTS_RANGE == 1]
    return LargeObjects(count=rows[-1].total, bytes=size.bytes if size else 0, bounds=(*starts, rows[-1].oid + 1))


def read_extensions(connection: Connection) -> tuple[Extension, ...]:
    """Return the installed extensions."""
    rows = connection.execute(
        "select e.extname as name, e.extversion as version, n.nspname as schema"
        "  from pg_catalog.pg_extension e"
        "  join pg_catalog.pg_namespace n on n.oid = e.extnamespace"
        " order by e.extname"
    )
    return tuple(Extension(**row._asdict()) for row in rows)


def object_number(catalog: int, oid: int) -> int:
    """Return an object's identity as one number, of which a million take a third of the memory of pairs."""
    return catalog << 32 | oid


def read_belongings(connection: Connection) -> Mapping[int, int]:
    """Return what each subordinate object belongs to: an index to its table, a partition to its parent; both as their
    `object_number`."""
    from_15_on = sql.SQL(
        "union all select 'pg_catalog.pg_publication_namespace'::regclass::oid::bigint, s.oid::bigint,"
        " 'pg_catalog.pg_publication'::regclass::oid::bigint, s.pnpubid::bigint"
        " from pg_catalog.pg_publication_namespace s"
    )
    more = from_15_on if server_version(connection) >= 15 else sql.SQL("")
    rows = _rows(connection, query("belongings", publication_schemas=more))
    return {object_number(row.catalog, row.oid): object_number(row.owner_catalog, row.owner) for row in rows}


def read_roles(connection: Connection) -> tuple[Role, ...]:
    """Return all roles but the predefined ones, with password hashes where the account may read them."""
    readable = bool(
        _value(connection, "select pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'select') as value")
    )
    found = query(
        "roles",
        roles=sql.Identifier("pg_catalog", "pg_authid" if readable else "pg_roles"),
        password=sql.SQL("r.rolpassword" if readable else "null::text"),
    )
    return tuple(Role(**row._asdict(), password_readable=readable) for row in connection.execute(found))


def read_memberships(connection: Connection) -> tuple[Membership, ...]:
    """Return who is a member of what; predefined roles may be what, never who."""
    has_options = server_version(connection) >= 16
    found = query(
        "memberships",
        inherit=sql.SQL("m.inherit_option" if has_options else "null::boolean"),
        set=sql.SQL("m.set_option" if has_options else "null::boolean"),
    )
    return tuple(Membership(**row._asdict()) for row in connection.execute(found))


def read_settings(connection: Connection) -> tuple[Setting, ...]:
    """Return what ALTER DATABASE and ALTER ROLE SET left behind."""
    return tuple(Setting(**row._asdict()) for row in connection.execute(query("settings")))


def read_tablespaces(connection: Connection) -> tuple[Tablespace, ...]:
    """Return the tablespaces other than the two built-in ones."""
    return tuple(
        Tablespace(
            name=row.name,
            owner=row.owner,
            location=row.location,
            acl=tuple(row.acl),
            options=tuple(row.options),
            comment=row.comment,
        )
        for row in connection.execute(query("tablespaces"))
    )


def read_schemas(connection: Connection) -> frozenset[str]:
    """Return the names of the schemas that are not the system's."""
    rows = connection.execute(
        "select nspname as name from pg_catalog.pg_namespace"
        " where nspname !~ '^pg_' and nspname <> 'information_schema'"
    )
    return frozenset(row.name for row in rows)


def read_losses(connection: Connection) -> list[str]:
    """Return what of a database pg_dump leaves out without a word, each with why."""
    return [*_oid_tables(connection), *_hidden_subscriptions(connection), *_own_marks(connection)]


def _oid_tables(connection: Connection) -> list[str]:
    if server_version(connection) >= 12:
        return []
    return [
        f"the hidden column oid of table {row.schema}.{row.name}: PostgreSQL has none since version 12"
        for row in connection.execute(query("oid_tables"))
    ]


def _hidden_subscriptions(connection: Connection) -> list[str]:
    rows = connection.execute(
        "select s.subname as name from pg_catalog.pg_subscription s"
        "  join pg_catalog.pg_database d on d.oid = s.subdbid"
        " where d.datname = pg_catalog.current_database()"
        "   and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user)"
        " order by 1"
    )
    return [f"subscription {row.name}: only a superuser may read its definition" for row in rows]


def _own_marks(connection: Connection) -> list[str]:
    rows = connection.execute("select from pg_catalog.pg_namespace where nspname = '_dtsrun'")
    return ["schema _dtsrun: it is dtsrun's own memory of an earlier task"] if rows.fetchone() is not None else []


def _rows(connection: Connection, statement: sql.Composed) -> Iterator[Any]:
    """Yield the rows of a query that has one for each table or column, without holding all of them at once."""
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.INTRANS:
        yield from connection.execute(statement)
        return
    # The plan is for all rows, not for the first few.
    connection.execute("set local cursor_tuple_fraction = 1")
    with connection.cursor(f"dtsrun_inventory_{next(_CURSORS)}") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement)
        yield from cursor


def _value(connection: Connection, text: LiteralString | sql.Composed) -> Any:
    row = connection.execute(text).fetchone()
    return row.value if row else None


class _Beside:
    """What comes beside relations, in the same order: pairs of a relation's OID and something of it."""

    def __init__(self, pairs: Iterable[tuple[int, Any]]) -> None:
        self._groups = itertools.groupby(pairs, key=lambda pair: pair[0])
        self._next: tuple[int, list[Any]] | None = None
        self._advance()

    def of(self, relation: int) -> list[Any]:
        """Return what there is of a relation; those of earlier ones that nobody asked for are passed over."""
        while self._next is not None and self._next[0] < relation:
            self._advance()
        return self._next[1] if self._next is not None and self._next[0] == relation else []

    def _advance(self) -> None:
        group = next(self._groups, None)
        self._next = None if group is None else (group[0], [item for _, item in group[1]])


def _columns(connection: Connection) -> Iterator[tuple[int, Column]]:
    generated = sql.SQL("a.attgenerated::text" if server_version(connection) >= 12 else "''")
    shared: dict[Column, Column] = {}
    for row in _rows(connection, query("columns", generated=generated)):
        column = Column(
            name=row.name,
            type=intern(row.type),
            type_oid=row.type_oid,
            not_null=row.not_null,
            generated=row.generated,
            identity=row.identity,
        )
        yield row.relation, shared.setdefault(column, column)


def _keys_query(connection: Connection) -> sql.Composed:
    counted = "i.indnkeyatts" if server_version(connection) >= 11 else "i.indnatts"
    return query("keys", key_columns=sql.SQL(counted))


def _parents(connection: Connection) -> Mapping[int, list[int]]:
    return grouped((row.relation, row.parent) for row in connection.execute(query("parents")))


def grouped(pairs: Iterable[tuple[int, int]]) -> Mapping[int, list[int]]:
    """Return the second of each pair by the first."""
    lists: defaultdict[int, list[int]] = defaultdict(list)
    for first, second in pairs:
        lists[first].append(second)
    return lists
