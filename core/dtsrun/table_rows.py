"""Which tables' rows are moved and compared, and by what steps: what each waits for, and what it makes complete."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from psycopg import sql

from dtsrun.aligning import aligned_rows_name, aligning
from dtsrun.api import (
    Database,
    Entry,
    Lane,
    PlanContext,
    Relation,
    Step,
    TellsBinaryTypes,
    entry_name,
    own_rows_name,
    rows_name,
)
from dtsrun.copied_table import Table, arguments
from dtsrun.copy_format import Format, Formats
from dtsrun.pairs import Pairs
from dtsrun.reading import tables_read, without_circles
from dtsrun.structure import left_out
from dtsrun.trusted_keys import trusted_keys

FIRST_USER_OID: Final = 16384
"""Lower OIDs are the server's own objects, equal on all servers."""

LEAST_FROZEN: Final = 2**20
"""Bytes of a table from which on its rows are frozen: the TRUNCATE that this takes is half of the time of a small
table (7.5 against 3.9 ms), and a vacuum of a few pages costs nothing."""

LEAST_RELAYED: Final = 64 * 1024
"""Bytes of a table from which on a relay is worth its beginning: 0.2 ms of our processor, which libpq takes for some
three hundred rows."""

_HASH_KEY = re.compile(r"^PARTITION BY HASH \((.*)\);?$", re.MULTILINE)


class TableRows:
    """The tables of one database whose rows are to be moved.

    Args:
        plugin: whose actions `copy`, `compare_rows` and `compare_tree` do the work.
    """

    def __init__(self, database: Database, context: PlanContext, plugin: str) -> None:
        self._plugin = plugin
        self._database = database
        self._skips = context.spec.on_conflict == "skip"
        self._existing = context.existing(database.name)
        self._trusted = trusted_keys(database, context).values()
        self._formats = Formats(
            database,
            wanted=context.resources.format,
            target_major=context.target.major,
            extension_types=_binary_types(database, context),
            kept=self._existing if self._skips else frozenset(),
        )

    @cached_property
    def tables(self) -> list[Relation]:
        """The tables in the order of their OIDs."""
        relations = self._database.relations
        return [relations[oid] for oid in sorted(relations) if self._is_moved(relations[oid])]

    @cached_property
    def stable(self) -> list[Relation]:
        """The tables whose rows lie in the same table on the target."""
        return [table for table in self.tables if not self._is_unstable(table)]

    @cached_property
    def unstable(self) -> Mapping[int, list[Relation]]:
        """The other ones, by the partitioned table at their top."""
        found: dict[int, list[Relation]] = {}
        for table in self.tables:
            root = self._root(table)
            if root is not None and self._is_unstable(table):
                found.setdefault(root.oid, []).append(table)
        return found

    def copying(self, table: Relation) -> Step:
        """Return the step that copies a table's rows."""
        name, root = self._database.name, self._root(table)
        routed = root is not None and self._is_unstable(table)
        return Step(
            key=f"{name}/full/{unique_name(table)}",
            stage="full",
            plugin=self._plugin,
            action="copy",
            database=name,
            args=arguments(self._described(table, root, routed)),
            provides=(
                own_rows_name(name, table.oid),
                *(rows_name(name, oid) for oid in sorted(self._filled_by(table, root if routed else None))),
            ),
            needs=(
                *self._creators(table, root),
                *self._read_before(table),
                *(entry_name(name, key.entry) for key in self._trusted if key.table == table.oid),
            ),
            # Where a key cannot be made, the rows come all the same.
            depends_softly=any(key.table == table.oid for key in self._trusted),
            lane=Lane.COPY,
            size=table.bytes,
            title=f"copy {table.qualified}",
        )

    def copying_again(self, table: Relation) -> Step:
        """Return the step that copies a table's rows anew at completion, since its changes are not followed."""
        step = aligning(self.copying(table))
        filled = sorted(self._filled_by(table, None))
        return replace(
            step,
            action="copy_again",
            args={**step.args, "fresh": False, "freeze": False},
            provides=tuple(aligned_rows_name(self._database.name, oid) for oid in filled),
            title=f"copy {table.qualified} again",
        )

    def comparing(self, table: Relation) -> Step:
        """Return the step that compares a table's rows on both ends."""
        more = {
            "key": list(table.key),
            "filter": self._database.rows.get(table.oid),
            "where": table.extension_condition or None,
        }
        return self._comparing(table, "compare_rows", table.bytes, more)

    def comparing_tree(self, root: int, leaves: Sequence[Relation]) -> Step:
        """Return the step that compares a partitioned table whose rows may lie elsewhere on the target."""
        filters = self._database.rows
        more = {"leaves": [[leaf.schema, leaf.name, filters.get(leaf.oid)] for leaf in leaves]}
        size = sum(leaf.bytes for leaf in leaves)
        return self._comparing(self._database.relations[root], "compare_tree", size, more)

    def _comparing(self, table: Relation, action: str, size: int, more: Mapping[str, Any]) -> Step:
        columns = [{"name": c.name, "type": c.type, "type_oid": c.type_oid} for c in table.columns]
        return Step(
            key=f"{self._database.name}/verify/rows of {unique_name(table)}",
            stage="verify",
            plugin=self._plugin,
            action=action,
            database=self._database.name,
            args={"schema": table.schema, "name": table.name, "oid": table.oid, "columns": columns, **more},
            lane=Lane.VERIFY,
            size=size,
            marked=False,
            depends_softly=True,
            title=f"compare {table.qualified}",
        )

    def _is_moved(self, table: Relation) -> bool:
        wants_none = self._database.rows.get(table.oid, "") is None
        return table.has_rows and not wants_none and not self._is_skipped(table)

    def _is_skipped(self, table: Relation) -> bool:
        """Whether the target has it already, and keeps it with its rows."""
        if table.extension is not None:
            return self._skips and f"EXTENSION {table.extension}" in self._existing
        return any(i in self._gone for i in self._creating.of(table.oid))

    def _described(self, table: Relation, root: Relation | None, routed: bool) -> Table:
        chosen = self._format(table)
        return Table(
            schema=table.schema,
            name=table.name,
            columns=tuple(c.name for c in table.columns if not c.generated),
            encoding=self._database.encoding,
            key=table.key,
            filter=self._database.rows.get(table.oid),
            where=table.extension_condition or None,
            fresh=table.extension is None and table.persistence == "p",
            freeze=table.bytes >= LEAST_FROZEN,
            few=table.bytes < LEAST_RELAYED,
            root=(root.schema, root.name) if root else None,
            routed=routed,
            format=chosen.name,
            format_reason=chosen.reason,
            format_refused=self._formats.wanted == "binary" and chosen.name == "text",
        )

    def _format(self, table: Relation) -> Format:
        if table.extension is not None and self._formats.wanted != "text":
            return Format("text", f"extension {table.extension} may define it otherwise on the target")
        return self._formats.choose(c for c in table.columns if not c.generated)

    def _creators(self, table: Relation, root: Relation | None) -> Iterator[str]:
        """Yield names of what must be created before rows can come."""
        name = self._database.name
        if table.extension is not None:
            yield from (entry_name(name, i) for i in self._extensions.get(table.extension, ()))
            # In the order in which the extension made them: a later table may refer to an earlier one.
            yield from (rows_name(name, t.oid) for t in self.tables if _is_before(t, table))
        parts = [table] if root is None else [table, *self._ancestors(table)]
        for part in parts:
            yield from (entry_name(name, i) for i in self._creating.of(part.oid))
            yield from (entry_name(name, i) for i in self._attachments.get((part.schema, part.name), ()))

    def _read_before(self, table: Relation) -> Iterator[str]:
        """Yield names of the rows that functions look up while this table is filled."""
        return (rows_name(self._database.name, oid) for oid in self.reads.get(table.oid, ()))

    def _filled_by(self, table: Relation, routed_from: Relation | None) -> set[int]:
        """Return OIDs of the relations that are full only when this table's rows are in."""
        tree = {t.oid for t in self.tables if routed_from in self._ancestors(t)} if routed_from else set()
        return {table.oid} | {a.oid for a in self._ancestors(table)} | tree

    def _ancestors(self, table: Relation) -> list[Relation]:
        """Return the parents of a table, their parents and so on, nearest first."""
        found: dict[int, Relation] = {}
        waiting = list(table.parents)
        while waiting:
            parent = self._database.relations.get(waiting.pop(0))
            if parent is not None and parent.oid not in found:
                found[parent.oid] = parent
                waiting.extend(parent.parents)
        return list(found.values())

    def _root(self, table: Relation) -> Relation | None:
        """Return the partitioned table at the top of a partition."""
        return self._ancestors(table)[-1] if table.is_partition and self._ancestors(table) else None

    def _is_unstable(self, table: Relation) -> bool:
        """Whether the same row may belong to another partition on another server."""
        return table.is_partition and any(self._hashes_user_types(a) for a in self._ancestors(table))

    def _hashes_user_types(self, parent: Relation) -> bool:
        # The hash of an enum, and of what holds one, is that of an OID. What an expression gives we do not know.
        entry = self._entry(parent)
        key = _HASH_KEY.search(entry.sql) if entry else None
        own = [c.name for c in parent.columns if c.type_oid >= FIRST_USER_OID]
        return key is not None and ("(" in key[1] or any(name in key[1] for name in own))

    @cached_property
    def _gone(self) -> frozenset[int]:
        return left_out(self._database, self._existing) if self._skips else frozenset()

    @cached_property
    def _creating(self) -> Pairs:
        """Ids of the entries that create tables, by the tables' OIDs."""
        return Pairs((e.oid, e.id) for e in self._database.entries.values() if e.type == "TABLE")

    def _entry(self, table: Relation) -> Entry | None:
        """Return the entry that creates a table."""
        return next((self._database.entries[i] for i in self._creating.of(table.oid)), None)

    @cached_property
    def _attachments(self) -> Mapping[tuple[str | None, str], list[int]]:
        return self._ids("TABLE ATTACH", key=lambda e: (e.schema, e.name))

    @cached_property
    def _extensions(self) -> Mapping[str, list[int]]:
        return self._ids("EXTENSION", key=lambda e: e.name)

    def _ids(self, entry_type: str, key: Callable[[Entry], Any]) -> dict[Any, list[int]]:
        found: dict[Any, list[int]] = {}
        for entry in self._database.entries.values():
            if entry.type == entry_type:
                found.setdefault(key(entry), []).append(entry.id)
        return found

    @cached_property
    def trusted(self) -> Mapping[int, frozenset[int]]:
        """Which tables the keys of a table refer to that are taken on trust."""
        found: dict[int, set[int]] = {}
        for key in self._trusted:
            found.setdefault(key.table, set()).add(key.referred)
        return {oid: frozenset(referred) for oid, referred in found.items()}

    @cached_property
    def read(self) -> frozenset[int]:
        """OIDs of the relations that another table's filling waits for."""
        return frozenset(oid for oids in self.reads.values() for oid in oids)

    @cached_property
    def reads(self) -> Mapping[int, tuple[int, ...]]:
        """Which relations must be full before a table is filled; nothing that would go round in a circle."""
        wanted = {t.oid: read for t in self.tables if (read := self._looked_up(t))}
        if not wanted:
            return {}
        fillers: dict[int, list[int]] = {}
        for table in self.tables:
            for oid in self._filled_by(table, self._root(table) if self._is_unstable(table) else None):
                fillers.setdefault(oid, []).append(table.oid)
        edges = {oid: [f for read in reads for f in fillers.get(read, ())] for oid, reads in wanted.items()}
        return without_circles(edges)

    def _looked_up(self, table: Relation) -> list[int]:
        entry = self._entry(table)
        return sorted(tables_read(self._database, entry, through_routines_only=True)) if entry else []


def _binary_types(database: Database, context: PlanContext) -> frozenset[tuple[str, str]]:
    """Return names of extensions and of their types that have a binary form which means the same everywhere."""
    telling = [kind for kind in context.kinds if isinstance(kind, TellsBinaryTypes)]
    return frozenset((e.name, name) for kind in telling for e in database.extensions for name in kind.binary_types(e))


def _is_before(table: Relation, other: Relation) -> bool:
    return table.extension == other.extension and table.oid < other.oid


def unique_name(table: Relation) -> str:
    """Return `schema.name`, quoted where it could be read in another way."""
    is_plain = "." not in table.schema + table.name and '"' not in table.qualified
    return table.qualified if is_plain else sql.Identifier(table.schema, table.name).as_string()
