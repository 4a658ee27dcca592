"""Epochs that changes are followed from, and the links that follow them: what a run of `full_incremental` holds.

An epoch of a database is a replication slot and the snapshot that was exported when it was made. The publications of
the epoch name every followed table and are made before the slot, since a slot sees only publications that were there
at its beginning. When all is copied, each epoch's publications keep just the tables that were copied in its snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from dtsrun import ahead, marks
from dtsrun.api import Connection, Identity, Link, LinkStatus, LinkTable, Step
from dtsrun.engine.again import Copied, Lost
from dtsrun.engine.beginnings import keep_beginning
from dtsrun.engine.ends import Ends
from dtsrun.engine.moved_databases import MovedDatabases
from dtsrun.engine.slot_memory import SlotMemory
from dtsrun.engine.snapshots import Held, Snapshot, export_snapshot
from dtsrun.engine.undo import undo
from dtsrun.engine.view import STAGE, View, engine_of
from dtsrun.errors import Interrupted, MigrationError
from dtsrun.incremental.identities import Decision, apply
from dtsrun.incremental.names import family_name, link_name
from dtsrun.incremental.publications import keep_only, publication_names, publish
from dtsrun.incremental.slots import copy_slot, create_slot, drop_slot, slot_names, usable_slot_names
from dtsrun.journal import Journal
from dtsrun.plan import Plan
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.spec.quantities import parse_duration

Say = Callable[[str, str], None]


class Following:
    """The epochs and links of one run.

    Args:
        tables_of: how the tables of a database are followed, with what has to be changed for it.
        say: kind and text of an event.
        is_stopping: whether the user wants the task to stop.
    """

    def __init__(
        self,
        ends: Ends,
        journal: Journal,
        *,
        tables_of: Callable[[str], Sequence[Decision]],
        say: Say,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._ends = ends
        self._journal = journal
        self._task = ends.spec.task.name
        self.tables_of = tables_of
        """How the tables of a database are followed, with what has to be changed for it."""
        self._say = say
        self._is_stopping = is_stopping
        self._copied = Copied({})
        self.moved = MovedDatabases()
        """The databases of the plan, those without a followed table too."""
        self._links: dict[str, tuple[Link, ...]] = {}
        self.view = View(ends, journal, self._task)
        self.engine = engine_of(ends)
        self._memory = SlotMemory(journal, self._task)

    @property
    def links(self) -> Sequence[Link]:
        """All links that were begun in this run."""
        return [link for links in self._links.values() for link in links]

    def close(self) -> None:
        """Let the connections go; what follows the source goes on."""
        self.view.close()

    def expect(self, plan: Plan) -> None:
        """Learn from the plan which step copies which table, and which databases it moves."""
        self._copied = Copied.of(plan)
        self.moved = MovedDatabases.of(plan)

    # --- epochs ------------------------------------------------------------------------------------------------

    def begin_epoch(self, database: str, epoch: int) -> Held:
        """Publish the tables, make the slot, and hold its snapshot.

        Raises:
            MigrationError: the source refuses, or makes us wait too long; says for whom.
            Interrupted: the user stopped the task.
        """
        known = self.tables_of(database)
        # What is copied has a slot already; where none is, the database may not even be there.
        copied = self._copied.epochs(self._marks_if_any(database)) if known and self._copied.tables_of else {}
        decisions = [decision for decision in known if decision.table.oid not in copied]
        if not decisions:
            connection = self._ends.connect("source", database, f"{self._task} snapshot", tcp_keepalives_idle="60")
            snapshot, holder = export_snapshot(connection, database, epoch)
            return self._with_beginning(snapshot, holder)
        for decision in decisions:
            self.identify(database, decision)
        tables = [decision.table for decision in decisions]
        names = [link_name(self._task, database, epoch, group) for group in _groups(tables)]
        for group, name in enumerate(names):
            self._publish(database, name, [table for table in tables if table.group == group])
        return self._hold_slot(database, epoch, names)

    def identify(self, database: str, decision: Decision) -> None:
        """Give a table the replica identity that it is followed by."""
        if decision.change is None:
            return
        # The target gets the changed identity with the table's definition, so it is given back there as well.
        for side in ("source", "target"):
            self.view.created(side, "replica identity", decision.table.qualified, database, decision.undo)
        apply(self.view.source(database), decision)

    def _publish(self, database: str, link: str, tables: Sequence[LinkTable]) -> None:
        for name in publication_names(link, tables):
            self.view.created("source", "publication", name, database)
        publish(self.view.source(database), link, tables, major=self._ends.facts["source"].major)

    def _hold_slot(self, database: str, epoch: int, names: Sequence[str]) -> Held:
        source = self.view.source(database)
        for name in names:
            self.view.created("source", "slot", name, database)
            self._forget(database, name)
            drop_slot(source, name)  # of a start that was killed before anything was copied in its snapshot
        held = create_slot(
            self._ends.routes["source"],
            database,
            names[0],
            wait=parse_duration(self.view.options["slot_wait"]),
            watcher=source,
            waiting=self._waiting,
        )
        try:
            for name in names[1:]:
                copy_slot(source, names[0], name)
            self._memory.made(source, names)
        except BaseException:
            held.connection.close()
            raise
        self._say("slot", f"slot {names[0]} of {database} begins; epoch {epoch}")
        return self._with_beginning(Snapshot(database, held.snapshot, epoch, held.made_at), held.connection)

    def _with_beginning(self, snapshot: Snapshot, holder: Connection) -> Held:
        """Return a snapshot and the session that holds it; what its database is like in it is kept for the watch."""
        followed = [decision.table.oid for decision in self.tables_of(snapshot.database)]
        try:
            keep_beginning(self._ends, self._journal, snapshot.database, snapshot.identifier, followed)
        except BaseException:
            holder.close()
            raise
        return snapshot, holder

    def _forget(self, database: str, name: str) -> None:
        """Take away what a task of the same name left on the target and never undid: it speaks of another slot."""
        if self._is_there(database):
            self.engine.remove(self.view, _bare_link(database, name))

    def _waiting(self, said: str) -> None:
        if self._is_stopping():
            raise Interrupted("the task was stopped", hint="run the same command again to continue")
        if said:
            self._say("waiting", f"the slot waits for {said}")

    # --- links -------------------------------------------------------------------------------------------------

    def follow(self, step: Step) -> Sequence[LinkStatus]:
        """Let the engine carry the changes of the tables of a step, each from its own epoch on."""
        database = step.database
        assert database is not None  # the stage plans a step for each database
        tables = tables_of_step(step)
        links = self._made_links(database, tables)
        for link in links:
            self._start(link)
        self._links[database] = tuple(links)
        return [self.engine.status(self.view, link) for link in links]

    def lost_tables(self, plan: Plan) -> Lost:
        """Return the tables that were copied in an epoch whose slot is lost, and with it the changes since."""
        copied = Copied.of(plan)
        found: dict[str, frozenset[int]] = {}
        for step in plan.steps.values():
            if step.plugin == STAGE and step.database is not None:
                epochs = copied.epochs(self._marks_if_any(step.database))
                usable = self._usable(step.database) if epochs else frozenset()
                lost = {
                    table.oid
                    for table in tables_of_step(step)
                    if table.oid in epochs
                    and link_name(self._task, step.database, epochs[table.oid], table.group) not in usable
                }
                if lost:
                    found[step.database] = frozenset(lost)
        return found

    def _usable(self, database: str) -> frozenset[str]:
        """Return the names of the slots that hold all that their links lack."""
        names = usable_slot_names(self.view.source(database), family_name(self._task, database))
        return frozenset(names) - self._broken(database, names).keys()

    def _broken(self, database: str, names: Collection[str]) -> Mapping[str, str]:
        def most(name: str) -> int | None:
            return self.engine.confirmed_at_most(self.view, _bare_link(database, name))

        return self._memory.broken(self.view.source(database), names, most)

    def broken(self) -> Mapping[str, str]:
        """Return the links whose slot is there, but was made anew or read by somebody else, and why."""
        names: dict[str, list[str]] = {}
        for link in self.links:
            names.setdefault(link.database, []).append(link.name)
        return {name: why for each in names for name, why in self._broken(each, names[each]).items()}

    def statuses(self) -> Sequence[LinkStatus]:
        """Return how all links stand."""
        return [self.engine.status(self.view, link) for link in self.links]

    def start(self) -> None:
        """Let the links go on that `stop` stopped."""
        for link in self.links:
            self._start(link)

    def stop(self) -> None:
        """Stop all links; their positions are kept."""
        for link in self.links:
            self._stop(link)

    def _stop(self, link: Link) -> None:
        source = self.view.source(link.database)
        # Of a slot that is not ours any more nothing is remembered.
        self._broken(link.database, [link.name])
        self.engine.stop(self.view, link)
        self._memory.rests(source, [link.name])

    def stop_others(self) -> None:
        """Stop the links whose slots are there, and take the others away."""
        for link in self.links:
            if link.name in self._usable(link.database):
                self._stop(link)
            else:
                self._drop_link(link.database, link.name)

    def remove(self) -> None:
        """Take away links, slots, publications and identities. Safe to repeat."""
        for link in self.links:
            self.engine.remove(self.view, link)
        kinds = ("subscription", "stream position", "slot", "publication", "replica identity")
        undo(self._ends, self._journal, self._task, self._say, only=kinds)

    def _start(self, link: Link) -> None:
        """Let a link go on, but not over rows that a completion copied which was called off, or killed."""
        if self._broken(link.database, [link.name]):
            return  # it would pass over what the slot has not got: the next look tells, and its tables are copied anew
        self._take_back(link)
        self._memory.moves(link.name)
        self.engine.start(self.view, link)

    def _take_back(self, link: Link) -> None:
        for table in ahead.take_back(self.view.target(link.database), self._task, link.tables):
            known = self._journal.task(self._task)
            names = known.summary.get("emptied", []) if known else []
            # The end of the task may come before the next completion does.
            self._journal.set_summary(self._task, emptied=sorted({*names, f"{link.database}: {table.qualified}"}))
            self._say("emptied", f"{table.qualified} is empty on the target until the next completion copies it again")

    def take_out(self, plan: Plan) -> None:
        """Take tables that are yet to be copied out of the links that followed them, before that begins.

        The links stand still afterwards. What was written to such a table before it was taken out, and is still on its
        way, is passed over by them: the copy has it.
        """
        copied = Copied.of(plan)
        for step in plan.steps.values():
            if step.plugin != STAGE or step.database is None:
                continue
            # Without marks the database may not even be there.
            if found := self._marks_if_any(step.database):
                self._take_out(step.database, tables_of_step(step), copied.epochs(found))

    def _take_out(self, database: str, tables: Sequence[LinkTable], epochs: Mapping[int, int]) -> None:
        parts = _parts(tables, epochs)
        wanted = {link_name(self._task, database, *part): part for part in parts}
        for name in slot_names(self.view.source(database), family_name(self._task, database)):
            if name in wanted:
                part = wanted[name]
                link = self._link(database, name, *part, parts[part], tables)
                self._take_back(link)
                self._memory.moves(name)
                self.engine.take_out(self.view, link)
                if self.engine.status(self.view, link).state == "stopped":
                    self._memory.rests(self.view.source(database), [name])
            else:
                self.engine.remove(self.view, _bare_link(database, name))

    def _made_links(self, database: str, tables: Sequence[LinkTable]) -> list[Link]:
        """Return a link for each epoch and group that has tables; the slots of other epochs are dropped.

        A table that nothing copied is followed by none: it was taken out of its link, until it is repaired.

        Raises:
            MigrationError: a slot is gone, and with it the changes since the copy.
        """
        source = self.view.source(database)
        epochs = self._copied.epochs(self._marks(database))
        parts = _parts(tables, epochs)
        wanted = {link_name(self._task, database, *part): part for part in sorted(parts)}
        there = slot_names(source, family_name(self._task, database))
        broken = self._broken(database, wanted.keys() & set(there))
        lost = {name: broken.get(name, "it is gone") for name in wanted if name not in there or name in broken}
        for name, why in lost.items():
            raise MigrationError(
                f"source: slot {name} of {database} is lost, and with it changes since the copy: {why}",
                hint="run the same command again: its tables are copied anew",
            )
        for name in sorted({*there, *self._subscribed(database)} - set(wanted)):
            self._drop_link(database, name)
        return [self._link(database, name, *part, parts[part], tables) for name, part in wanted.items()]

    def _link(
        self,
        database: str,
        name: str,
        epoch: int,
        group: int,
        own: Sequence[LinkTable],
        followed: Sequence[LinkTable],
    ) -> Link:
        source = self.view.source(database)
        made = publication_names(name, [table for table in followed if table.group == group])
        keep_only(source, made, [table.oid for table in own])
        row = source.execute(
            "select confirmed_flush_lsn::text as position from pg_catalog.pg_replication_slots where slot_name = %s",
            [name],
        ).fetchone()
        assert row is not None  # it was there a moment ago, and nobody else drops it
        return Link(
            name=name,
            database=database,
            epoch=epoch,
            group=group,
            publications=publication_names(name, own),
            start_lsn=parse_lsn(row.position),
            tables=tuple(own),
        )

    def _subscribed(self, database: str) -> list[str]:
        made = self._journal.creations(self._task)
        return [each.name for each in made if each.what == "subscription" and each.database == database]

    def _drop_link(self, database: str, name: str) -> None:
        """Take away a link whose tables are followed by another one by now."""
        self.engine.remove(self.view, _bare_link(database, name))
        drop_slot(self.view.source(database), name)
        self._memory.forget(name)

    def _marks_if_any(self, database: str) -> Mapping[str, marks.Mark]:
        """Return the marks of a database that may not be there yet."""
        return self._marks(database) if self._is_there(database) else {}

    def _is_there(self, database: str) -> bool:
        """Tell whether the target has a database already."""
        with self._ends.connect("target", None, "look") as connection:
            name = self._ends.spec.selection.target_name(database)
            found = connection.execute("select from pg_catalog.pg_database where datname = %s", [name]).fetchone()
        return found is not None

    def _marks(self, database: str) -> Mapping[str, marks.Mark]:
        return marks.read_all(self.view.target(database), self._task)


def _parts(tables: Sequence[LinkTable], epochs: Mapping[int, int]) -> Mapping[tuple[int, int], list[LinkTable]]:
    """Return the tables of each link, by epoch and group."""
    parts: dict[tuple[int, int], list[LinkTable]] = {}
    for table in tables:
        if table.oid in epochs:
            parts.setdefault((epochs[table.oid], table.group), []).append(table)
    return parts


def _bare_link(database: str, name: str) -> Link:
    """Return a link that is only to be taken away."""
    return Link(name=name, database=database, epoch=0, publications=(), start_lsn=0)


def tables_of_step(step: Step) -> list[LinkTable]:
    """Return the tables that a step of the stage `incremental` follows."""
    return [LinkTable(**{**table, "identity": Identity(table["identity"])}) for table in step.args["tables"]]


def planned_tables(plan: Plan) -> Callable[[str], Sequence[Decision]]:
    """Return how tables are followed by a plan that was made in an earlier run; nothing is left to change for it."""
    steps = [step for step in plan.steps.values() if step.plugin == STAGE]
    known = {s.database: [Decision(table=table) for table in tables_of_step(s)] for s in steps}
    return lambda database: known.get(database, [])


def _groups(tables: Sequence[LinkTable]) -> range:
    return range(max((table.group for table in tables), default=0) + 1)
