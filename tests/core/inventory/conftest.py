"""A source with a bit of everything, and small object kinds that claim what pg_dump lists of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import (
    Database,
    DatabaseSelection,
    Endpoint,
    Inventory,
    MigrationType,
    ObjectKind,
    Pattern,
    Route,
    Selection,
    Spec,
    TaskSettings,
)
from dtsrun.inventory import read_inventory
from dtsrun.postgres.session import connect


class Databases(ObjectKind):
    name = "object.databases"
    entry_types = ("DATABASE", "DATABASE PROPERTIES")


class Tables(ObjectKind):
    name = "object.tables"
    selector = "table"
    entry_types = ("TABLE", "TABLE ATTACH", "DEFAULT")


class Sequences(ObjectKind):
    name = "object.sequences"
    selector = "sequence"
    entry_types = ("SEQUENCE", "SEQUENCE OWNED BY")


class Views(ObjectKind):
    name = "object.views"
    selector = "view"
    entry_types = ("VIEW", "MATERIALIZED VIEW")


class Functions(ObjectKind):
    name = "object.functions"
    selector = "function"
    entry_types = ("FUNCTION", "PROCEDURE", "AGGREGATE")


class Types(ObjectKind):
    name = "object.types"
    selector = "type"
    entry_types = ("TYPE", "DOMAIN", "SHELL TYPE")


class LargeObjects(ObjectKind):
    name = "object.large_objects"
    selector = "large_object"
    entry_types = ("BLOB", "BLOB METADATA", "BLOBS")


class Publications(ObjectKind):
    name = "object.publications"
    selector = "publication"
    entry_types = ("PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA")


class Others(ObjectKind):
    """What nobody asks for by name: it comes with what it belongs to."""

    name = "object.others"
    entry_types = (
        "ACL",
        "CAST",
        "CHECK CONSTRAINT",
        "COLLATION",
        "COMMENT",
        "CONSTRAINT",
        "DEFAULT ACL",
        "EVENT TRIGGER",
        "EXTENSION",
        "FK CONSTRAINT",
        "FOREIGN DATA WRAPPER",
        "FOREIGN TABLE",
        "INDEX",
        "INDEX ATTACH",
        "POLICY",
        "PROCEDURAL LANGUAGE",
        "ROW SECURITY",
        "RULE",
        "SCHEMA",
        "SECURITY LABEL",
        "SERVER",
        "STATISTICS",
        "SUBSCRIPTION",
        "TRIGGER",
        "USER MAPPING",
    )


ALL_KINDS = tuple(
    kind() for kind in (Databases, Tables, Sequences, Views, Functions, Types, LargeObjects, Publications, Others)
)


@pytest.fixture
def kinds() -> Sequence[ObjectKind]:
    """Object kinds that claim every type the tests make."""
    return ALL_KINDS


def make_spec(selection: Selection) -> Spec:
    def end(side: Any) -> Endpoint:
        return Endpoint(side=side, access_type="test", access={}, account=None, password=None, region=None)

    return Spec(
        path=Path("spec.yaml"),
        task=TaskSettings(name="test"),
        source=end("source"),
        target=end("target"),
        migration_type=MigrationType.FULL,
        selection=selection,
    )


@pytest.fixture
def read() -> Callable[..., Inventory]:
    """Read an inventory for a selection."""

    def read_(route: Route, selection: Selection, kinds: Sequence[ObjectKind] = ALL_KINDS, **more: Any) -> Inventory:
        return read_inventory(make_spec(selection), route, kinds, **more)

    return read_


def patterns(lines: Sequence[str]) -> tuple[Pattern, ...]:
    """Turn `table public.orders` into a pattern, placed by its line in the list."""
    return tuple(
        Pattern(selector=line.partition(" ")[0], text=line.partition(" ")[2], place=f"spec.yaml:{n}:1")
        for n, line in enumerate(lines, 1)
    )


@pytest.fixture
def choose(read: Callable[..., Inventory]) -> Callable[..., Database]:
    """Read one database with what is included, excluded and filtered: `choose(route, name, ["table a.b"])`."""

    def choose_(
        route: Route,
        name: str,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        rows: dict[str, str | None] | None = None,
    ) -> Database:
        chosen = DatabaseSelection(
            name=name, target=name, include=patterns(include), exclude=patterns(exclude), rows=rows or {}
        )
        return read(route, Selection(entire_instance=False, databases={name: chosen})).databases[name]

    return choose_


@pytest.fixture
def database(fresh_database: Any) -> Callable[..., str]:
    """Make a database on a server and run SQL in it."""

    def make(route: Route, text: str, **options: Any) -> str:
        name = fresh_database(route, **options)
        with connect(route, name, settings={"search_path": "public"}) as connection:
            connection.execute(text)
        return str(name)

    return make


@pytest.fixture
def labels() -> Callable[[Database], set[str]]:
    """Return the labels of what is selected."""

    def of(found: Database) -> set[str]:
        return {entry.label for entry in found.entries.values()}

    return of
