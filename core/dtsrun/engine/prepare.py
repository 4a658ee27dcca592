"""What comes before the work: the inventory in its snapshots, what the target holds, and the plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dtsrun import marks
from dtsrun.api import Entry, Inventory, LinkTable, MigrationType, Spec
from dtsrun.engine.decisions import decisions, is_followed
from dtsrun.engine.ends import Ends, open_ends, probe_ends, read_spec
from dtsrun.engine.snapshots import Held, Snapshots, export_snapshot
from dtsrun.errors import MigrationError
from dtsrun.incremental.identities import Decision
from dtsrun.inventory import dump_entries, read_inventory
from dtsrun.plan import Plan, Planning, make_plan, with_defaults
from dtsrun.registry import Registry
from dtsrun.resources import Known, decide_resources
from dtsrun.table_rows import TableRows
from dtsrun.texts import Texts

__all__ = ["Preparation", "open_plan", "probe_ends"]

TABLES: Final = "object.tables"
"""The kind whose tables are followed."""

COMMON_LABELS = frozenset({"SCHEMA public", "ACL SCHEMA public", "COMMENT SCHEMA public"})


class Preparation:
    """What is known of both ends before the work, read once."""

    def __init__(
        self,
        ends: Ends,
        snapshots: Snapshots | None = None,
        *,
        decided: Mapping[str, Sequence[Decision]] | None = None,
        is_begun: bool = False,
    ) -> None:
        """Look at both ends.

        Args:
            snapshots: what the source is read in; None: as it is.
            decided: how tables are followed, by database, where that was decided before.
            is_begun: whether what the target holds is of this very task.
        """
        self.ends = ends
        self._snapshots = snapshots
        self._decisions = dict(decided or {})
        self._is_begun = is_begun
        self._inventory: Inventory | None = None
        self._reading: Future[Inventory] | None = None
        self._target_databases: frozenset[str] | None = None
        self._target_entries: dict[str, Sequence[Entry]] = {}
        self._target_texts: Texts | None = None
        self._lock = threading.RLock()
        self._inventory_lock = threading.Lock()

    @property
    def inventory(self) -> Inventory:
        """What is selected of the source."""
        if self._reading is not None:
            return self._reading.result()
        return self._read_inventory()

    @contextmanager
    def reading_ahead(self) -> Iterator[None]:
        """Begin to read the inventory beside what is done meanwhile; who asks for it waits, or gets what it failed
        with. It is read to its end even if nobody asks."""
        with ThreadPoolExecutor(1, thread_name_prefix="inventory") as beside:
            self._reading = beside.submit(self._read_inventory)
            yield

    def _read_inventory(self) -> Inventory:
        with self._inventory_lock:
            if self._inventory is None:
                self._inventory = read_inventory(
                    self.ends.spec,
                    self.ends.routes["source"],
                    self.ends.registry.object_kinds,
                    snapshot_of=self._snapshots.identifier if self._snapshots else None,
                    at_least=self._newest_major(),
                )
            return self._inventory

    @property
    def known_inventory(self) -> Inventory | None:
        """What is selected, if it has been read."""
        return self._inventory

    @property
    def chosen(self) -> Sequence[str]:
        """The names of the source's databases that are selected."""
        selection = self.ends.spec.selection
        return sorted(self.inventory.databases if selection.entire_instance else selection.databases)

    def target_databases(self) -> frozenset[str]:
        """Return the names of the target's databases."""
        with self._lock:
            if self._target_databases is None:
                with self.ends.connect("target", None, "look") as connection:
                    rows = connection.execute("select datname from pg_catalog.pg_database where datallowconn")
                    self._target_databases = frozenset(row.datname for row in rows)
            return self._target_databases

    def target_entries(self, database: str) -> Sequence[Entry]:
        """Return what the target's counterpart of a source database holds, dtsrun's own schema apart."""
        with self._lock:
            if database not in self._target_entries:
                self._target_entries[database] = self._read_target(database)
            return self._target_entries[database]

    def conflicts(self, database: str) -> Sequence[Entry]:
        """Return the selected entries whose label exists on the target already."""
        held = {entry.label for entry in self.target_entries(database)}
        entries = self.inventory.databases[database].entries.values() if held else ()
        return [entry for entry in entries if entry.label in held and not _is_common(entry)]

    def plan(self) -> Plan:
        """Return the plan; nothing is done yet."""
        return make_plan(self._planning(), self.ends.registry.stages)

    def decisions(self, database: str) -> Sequence[Decision]:
        """Return how the tables of a database are followed, decided once; nothing is changed yet."""
        with self._lock:
            if database not in self._decisions:
                self._decisions[database] = self._decide(database)
            return self._decisions[database]

    def followed(self, database: str) -> Sequence[LinkTable]:
        """Return the tables of a database that are followed."""
        if self.ends.spec.migration_type is not MigrationType.FULL_INCREMENTAL:
            return ()
        relations = self.inventory.databases[database].relations
        return [d.table for d in self.decisions(database) if d.table.oid in relations]

    def new_tables(self) -> Sequence[str]:
        """Return tables of the inventory that should be followed, and of which nothing was decided: they were made
        since."""
        planning = self._planning()
        return [
            f"{name}.{table.qualified}"
            for name, database in self.inventory.databases.items()
            for table in TableRows(database, planning, TABLES).tables
            if is_followed(table) and table.oid not in {d.table.oid for d in self.decisions(name)}
        ]

    def _planning(self) -> Planning:
        spec, registry = self.ends.spec, self.ends.registry
        known = Known(self.ends.facts["source"], self.ends.facts["target"], self.inventory)
        resources, said = decide_resources(spec.resources, known)
        return Planning(
            spec, self.inventory, self.ends.facts["target"], registry.object_kinds, resources, registry.plugins,
            self._existing(), self.followed, said,
        )  # fmt: skip

    def _decide(self, name: str) -> Sequence[Decision]:
        database = self.inventory.databases.get(name)
        if database is None:
            return ()  # it is only looked at
        rows = TableRows(database, self._planning(), TABLES)
        for root in rows.unstable:
            raise MigrationError(
                f"source: changes of {database.relations[root].qualified} cannot be followed: the same row may belong"
                " to another partition on the target, since the hash of its key depends on the server",
                hint="exclude it and move it by a task of its own, of type full",
            )
        stage = self.ends.registry.get("stage.incremental")
        options = with_defaults(stage, self.ends.spec.stages.get("incremental", {}))
        with self.ends.connect("source", name, "decide") as connection:
            return decisions(connection, database, rows.tables, options)

    def _existing(self) -> Mapping[str, frozenset[str]]:
        if self.ends.spec.on_conflict == "fail" or self._is_begun:
            return {}
        return {name: frozenset(e.label for e in self.conflicts(name)) for name in self.inventory.databases}

    def _read_target(self, database: str) -> Sequence[Entry]:
        name = self.ends.spec.selection.target_name(database)
        if name not in self.target_databases():
            return ()
        self._target_texts = self._target_texts or Texts()
        entries = dump_entries(
            self.ends.routes["target"],
            name,
            self.ends.registry.object_kinds,
            at_least=self._newest_major(),
            texts=self._target_texts,
        )
        return entries.only(lambda e: e.schema != marks.SCHEMA and e.name != marks.SCHEMA)

    def _newest_major(self) -> int:
        return max(facts.major for facts in self.ends.facts.values())


def _is_common(entry: Entry) -> bool:
    """Tell whether an entry stands in every new database, so that its presence means nothing."""
    return entry.type.startswith("DATABASE") or entry.label in COMMON_LABELS


@contextmanager
def open_plan(spec_path: Path) -> Iterator[tuple[Spec, Registry, Inventory, Plan]]:
    """Read a spec and both ends, and plan; nothing is done."""
    spec, registry = read_spec(spec_path)
    with open_ends(spec, registry) as ends:
        preparation = Preparation(ends)
        yield spec, registry, preparation.inventory, preparation.plan()


def read_marks(ends: Ends, databases: Sequence[str], exist: frozenset[str]) -> dict[str, marks.Mark]:
    """Return what the target remembers of a task, over all its databases."""
    found: dict[str, marks.Mark] = {}
    for database in (None, *databases):
        if database is not None and ends.spec.selection.target_name(database) not in exist:
            continue
        with ends.connect("target", database, "marks") as connection:
            found.update(marks.read_all(connection, ends.spec.task.name))
    return found


def without_lost_databases(
    found: Mapping[str, marks.Mark], plan: Plan, spec: Spec, exist: frozenset[str]
) -> dict[str, marks.Mark]:
    """Leave out marks that say a database was created which is gone again: somebody dropped it."""
    databases = {step.database for step in plan.steps.values() if step.database is not None}
    absent = {f"{name}/database" for name in databases if spec.selection.target_name(name) not in exist}
    gone = {step.key for step in plan.steps.values() if absent & set(step.provides)}
    return {key: mark for key, mark in found.items() if key not in gone}


def snapshots_of(ends: Ends, first_epoch: Callable[[str], int], *, stages: frozenset[str] | None = None) -> Snapshots:
    """Return the snapshots of a run, which the steps of some stages read in, or all; none is taken yet."""

    def take(database: str, epoch: int) -> Held:
        connection = ends.connect("source", database, f"{ends.spec.task.name} snapshot", tcp_keepalives_idle="60")
        return export_snapshot(connection, database, epoch)

    return Snapshots(take, first_epoch, stages=stages)


def first_epochs(found: Mapping[str, marks.Mark], databases_of: Mapping[str, str | None]) -> Mapping[str, int]:
    """Return the number of each database's next epoch, after those that its marks name."""
    last: dict[str, int] = {}
    for step, mark in found.items():
        database = databases_of.get(step)
        if database is not None:
            last[database] = max(last.get(database, 0), mark.epoch)
    return {database: epoch + 1 for database, epoch in last.items()}
