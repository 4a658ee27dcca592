"""The inventory of a source: entries, facts and selection put together.

A database is read in one snapshot: pg_dump reads in the one that our own session exports.

Of the entire instance every database is moved that lets us in, user templates too. `template0` never is, and
`template1` only where somebody put objects of their own into it. `postgres` is moved as a database that exists on
both ends. What is not moved is listed with why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from dtsrun.api import (
    Connection,
    Database,
    DatabaseSelection,
    Entry,
    Extension,
    Inventory,
    LargeObjects,
    Membership,
    ObjectKind,
    Role,
    Route,
    Selection,
    SequenceFact,
    Setting,
    Spec,
    Tablespace,
    TypeFact,
)
from dtsrun.errors import AccessError, DtsrunError, MigrationError, SpecError
from dtsrun.inventory import facts
from dtsrun.inventory.belonging import find_parents
from dtsrun.inventory.bodies import edges_of_entries, read_body_edges
from dtsrun.inventory.dump import LOCK_WAIT_SECONDS, dump_entries
from dtsrun.inventory.entries import StoredEntries, facts_of
from dtsrun.inventory.facts import DatabaseFacts, ObjectId
from dtsrun.inventory.patterns import nearest
from dtsrun.inventory.relations import StoredRelations
from dtsrun.inventory.row_filters import choose_rows
from dtsrun.inventory.selection import LARGE_OBJECTS, choose_entries, choose_roles, has_patterns
from dtsrun.pairs import Pairs
from dtsrun.postgres.session import connect
from dtsrun.texts import Texts

_RELATION: Final = 1259
_EVERY_TEMPLATE: Final = frozenset({"DATABASE", "DATABASE PROPERTIES", "SCHEMA", "COMMENT", "ACL", "SECURITY LABEL"})
"""What the dump of a template lists that nobody changed (before version 15, with the schema `public`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """What the reading of every database has in common."""

    route: Route
    kinds: Sequence[ObjectKind]
    tools: Sequence[Path]
    at_least: int
    snapshot_of: Callable[[str], str] | None
    texts: Texts


def read_inventory(
    spec: Spec,
    route: Route,
    kinds: Sequence[ObjectKind],
    *,
    tools: Sequence[Path] = (),
    at_least: int = 0,
    snapshot_of: Callable[[str], str] | None = None,
) -> Inventory:
    """Return what the spec selects of the source.

    Args:
        tools: folders where pg_dump is looked for first.
        at_least: the major version of the target, which pg_dump must not be older than.
        snapshot_of: gives the name of the exported snapshot to read a database in; without it each database is read
            in a snapshot of its own.

    Raises:
        SpecError: a database, a pattern, a row filter or a role of the spec names nothing.
        MigrationError: the catalogs or the definitions cannot be read, or no kind claims a type of entry.
        AccessError: a database does not let us in.
    """
    with _explained("the source"), connect(route, purpose="inventory") as connection:
        newest = max(at_least, facts.server_version(connection))
        reader = _Reader(route=route, kinds=kinds, tools=tools, at_least=newest, snapshot_of=snapshot_of, texts=Texts())
        known = {d.name: d for d in facts.read_databases(connection)}
        chosen, left_out = choose_databases(spec.selection, known)
        databases: dict[str, Database] = {}
        for each in chosen:
            database, losses = _read_database(reader, known[each.name], each)
            left_out.extend(f"{loss} (database {each.name})" for loss in losses)
            if each.name == "template1" and spec.selection.entire_instance and is_untouched(database):
                left_out.append("database template1: it holds nothing but what every server has")
            else:
                databases[each.name] = database
        return _with_server(connection, spec.selection, databases, known, left_out)


def choose_databases(
    selection: Selection, known: Mapping[str, DatabaseFacts]
) -> tuple[list[DatabaseSelection], list[str]]:
    """Return what to read, and what is left out of the entire instance with why.

    Raises:
        SpecError: a chosen database does not exist or cannot be connected to.
    """
    if not selection.entire_instance:
        for name in selection.databases:
            _refuse_unreadable(name, known)
        return list(selection.databases.values()), []
    reasons = {name: _why_not(database) for name, database in known.items()}
    left_out = [f"database {name}: {why}" for name, why in reasons.items() if why]
    return [DatabaseSelection(name=n, target=n) for n, why in reasons.items() if not why], left_out


def is_untouched(database: Database) -> bool:
    """Return whether a template holds nothing that its server did not put there."""
    objects = (e for e in database.entries.values() if e.type not in _EVERY_TEMPLATE)
    schemas = {e.name for e in database.entries.values() if e.type == "SCHEMA"}
    return next(objects, None) is None and schemas <= {"public"} and not database.large_objects.count


def digest_of(inventory: Inventory) -> str:
    """Return the SHA-256 of all that is selected, without what changes as rows come and go."""
    found = hashlib.sha256()
    for part in _lasting_parts(inventory):
        found.update(repr(part).encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    return found.hexdigest()


def _lasting_parts(inventory: Inventory) -> Iterator[object]:
    yield from (*inventory.roles, *inventory.memberships, *inventory.settings, *inventory.tablespaces)
    yield from inventory.left_out
    for database in inventory.databases.values():
        yield (database.name, database.target, database.owner, database.encoding, database.is_template)
        yield from map(facts_of, database.entries.values())
        for relation in database.relations.values():
            yield replace(relation, bytes=0, pages=0, estimated_rows=0.0)
        yield (database.sequences, database.extensions, sorted(database.rows.items()))


def _why_not(database: DatabaseFacts) -> str | None:
    if database.name == "template0":
        return "every server has its own"
    if database.is_invalid:
        return "a DROP DATABASE was broken off in it; nothing but dropping it is possible"
    if not database.allows_connections:
        return "it allows no connections (datallowconn is false)"
    return None


def _refuse_unreadable(name: str, known: Mapping[str, DatabaseFacts]) -> None:
    if name not in known:
        close = nearest(name, known)
        raise SpecError(
            f"the source has no database {name}", hint=f"did you mean {' or '.join(close)}?" if close else None
        )
    reason = _why_not(known[name])
    if reason:
        raise SpecError(f"database {name} cannot be moved: {reason}")


def _read_database(reader: _Reader, known: DatabaseFacts, chosen: DatabaseSelection) -> tuple[Database, list[str]]:
    with (
        _explained(f"database {known.name}"),
        _snapshot(reader, known.name) as (connection, snapshot),
        ThreadPoolExecutor(max_workers=1) as beside,
    ):
        dumping = beside.submit(_dump, reader, known.name, snapshot)
        catalog = _Catalog.read(connection, with_belongings=has_patterns(chosen))
        return _selected_database(known, chosen, reader.kinds, dumping.result(), catalog)


def _dump(reader: _Reader, database: str, snapshot: str) -> StoredEntries:
    return dump_entries(
        reader.route,
        database,
        reader.kinds,
        tools=reader.tools,
        at_least=reader.at_least,
        snapshot=snapshot,
        texts=reader.texts,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Catalog:
    """What the catalogs say of one database while pg_dump works."""

    belongings: Mapping[int, int]
    """Empty where all of the database is selected: what belongs to what does not matter then."""
    schemas: frozenset[str]
    relations: StoredRelations
    types: Mapping[int, TypeFact]
    sequences: tuple[SequenceFact, ...]
    extensions: tuple[Extension, ...]
    large_objects: LargeObjects
    losses: list[str]
    body_edges: Mapping[ObjectId, frozenset[ObjectId]]
    unread_bodies: int

    @classmethod
    def read(cls, connection: Connection, *, with_belongings: bool) -> _Catalog:
        edges, unread = read_body_edges(connection)
        return cls(
            belongings=facts.read_belongings(connection) if with_belongings else {},
            schemas=facts.read_schemas(connection),
            relations=facts.read_relations(connection),
            types=facts.read_types(connection),
            sequences=facts.read_sequences(connection),
            extensions=facts.read_extensions(connection),
            large_objects=facts.read_large_objects(connection),
            losses=facts.read_losses(connection),
            body_edges=edges,
            unread_bodies=unread,
        )


def _selected_database(
    known: DatabaseFacts,
    chosen: DatabaseSelection,
    kinds: Sequence[ObjectKind],
    entries: StoredEntries,
    catalog: _Catalog,
) -> tuple[Database, list[str]]:
    edges = edges_of_entries(entries, catalog.body_edges)
    parents = find_parents(entries, catalog.belongings) if has_patterns(chosen) else {}
    choice = choose_entries(entries, chosen, kinds, parents, body_edges=edges, schemas=catalog.schemas)
    extensions = {e.name for e in choice.entries.values() if e.type == "EXTENSION"}
    relations = _relations(catalog.relations, choice.entries, extensions)
    large_objects, losses = _large_objects(catalog.large_objects, chosen, kinds)
    database = Database(
        name=known.name,
        target=chosen.target,
        owner=known.owner,
        encoding=known.encoding,
        is_template=known.is_template,
        bytes=known.bytes,
        entries=choice.entries,
        relations=relations,
        types=catalog.types,
        sequences=tuple(s for s in catalog.sequences if s.oid in relations),
        large_objects=large_objects,
        extensions=tuple(e for e in catalog.extensions if e.name in extensions),
        body_edges=_edges_within(edges, choice.entries),
        missing=choice.missing,
        missing_includes=choice.missing_includes,
        rows=choose_rows(chosen, relations),
    )
    return database, [*catalog.losses, *losses, *_unread(catalog.unread_bodies, chosen)]


def _unread(bodies: int, chosen: DatabaseSelection) -> list[str]:
    """What bodies name matters only where objects are chosen one by one."""
    if not bodies or not (chosen.include or chosen.exclude):
        return []
    return [f"what the bodies of {bodies} functions name: reading them would have taken too long"]


@contextmanager
def _snapshot(reader: _Reader, database: str) -> Iterator[tuple[Connection, str]]:
    """Yield a connection in a read-only transaction, and the name of its snapshot for pg_dump to read in as well."""
    settings = {"lock_timeout": f"{LOCK_WAIT_SECONDS * 1000}"}
    with connect(reader.route, database, settings=settings, purpose="inventory") as connection:
        connection.execute("begin isolation level repeatable read, read only")
        if reader.snapshot_of is not None:
            given = reader.snapshot_of(database)
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(given)))
            yield connection, given
        else:
            row = connection.execute("select pg_catalog.pg_export_snapshot() as name").fetchone()
            assert row is not None  # a query without a table has one row
            yield connection, row.name


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn the server's own errors into ours, naming what was being read."""
    try:
        yield
    except DtsrunError:
        raise
    except psycopg.Error as error:
        said = str(error).strip().splitlines()
        message = f"{what} cannot be read: {said[0] if said else type(error).__name__}"
        kind = AccessError if isinstance(error, psycopg.OperationalError) and _is_refusal(error) else MigrationError
        raise kind(message, hint="\n".join(said[1:]) or None) from error


def _is_refusal(error: psycopg.Error) -> bool:
    """Whether the server could not be reached or did not let us in: no SQLSTATE, or one of those classes."""
    return error.sqlstate is None or error.sqlstate[:2] in {"08", "28", "3D", "53", "57"}


def _relations(known: StoredRelations, entries: Mapping[int, Entry], extensions: set[str]) -> StoredRelations:
    """Return the selected relations; those of an extension have no entries of their own, and come with it."""
    objects = Pairs((e.oid, e.id) for e in entries.values() if e.catalog == _RELATION)
    return known.only(lambda r: r.oid in objects or r.extension in extensions)


def _large_objects(
    found: LargeObjects, chosen: DatabaseSelection, kinds: Sequence[ObjectKind]
) -> tuple[LargeObjects, list[str]]:
    """Return the large objects if they are asked for; they are, unless objects are chosen one by one."""
    selector = next((k.selector for k in kinds if k.name == LARGE_OBJECTS), None)
    is_included = not chosen.include or any(p.selector == selector for p in chosen.include)
    if is_included and not any(p.selector == selector for p in chosen.exclude):
        return found, []
    return LargeObjects(), [f"{found.count} large objects: the spec does not select them"] if found.count else []


def _edges_within(edges: Mapping[int, tuple[int, ...]], entries: Mapping[int, Entry]) -> dict[int, tuple[int, ...]]:
    within = {i: tuple(n for n in named if n in entries) for i, named in edges.items() if i in entries}
    return {i: named for i, named in within.items() if named}


def _with_server(
    connection: Connection,
    selection: Selection,
    databases: Mapping[str, Database],
    known: Mapping[str, DatabaseFacts],
    left_out: Sequence[str],
) -> Inventory:
    roles = choose_roles(selection, facts.read_roles(connection))
    inventory = Inventory(
        server=facts.read_server_facts(connection),
        databases=databases,
        roles=roles,
        memberships=_memberships(facts.read_memberships(connection), roles),
        settings=_settings(facts.read_settings(connection), selection, databases, roles),
        tablespaces=_tablespaces(facts.read_tablespaces(connection), selection, databases, known),
        left_out=tuple(left_out),
    )
    return replace(inventory, digest=digest_of(inventory))


def _memberships(known: Iterable[Membership], roles: Iterable[Role]) -> tuple[Membership, ...]:
    """Return the memberships of moved roles in moved roles or in predefined ones, which every server has."""
    moved = {role.name for role in roles}
    return tuple(m for m in known if m.member in moved and (m.role in moved or m.role.startswith("pg_")))


def _settings(
    known: Iterable[Setting], selection: Selection, databases: Mapping[str, Database], roles: Iterable[Role]
) -> tuple[Setting, ...]:
    """Return the settings of what is moved; those of ALTER ROLE ALL concern the entire instance."""
    moved = {role.name for role in roles}
    return tuple(
        s
        for s in known
        if (s.database is None or s.database in databases)
        and (s.role is None or s.role in moved)
        and (s.database or s.role or selection.entire_instance)
    )


def _tablespaces(
    known: Iterable[Tablespace],
    selection: Selection,
    databases: Mapping[str, Database],
    facts_of: Mapping[str, DatabaseFacts],
) -> tuple[Tablespace, ...]:
    used = {e.tablespace for d in databases.values() for e in d.entries.values()}
    used.update(facts_of[name].tablespace for name in databases)
    return tuple(t for t in known if selection.entire_instance or t.name in used)
