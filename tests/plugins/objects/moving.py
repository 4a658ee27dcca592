"""The harness with rows: plans and runs whole migrations between two real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from harness import Bench, make_spec

from dtsrun.api import Connection, MigrationType, Route, Step, StepResult
from dtsrun.plan import Plan, make_plan
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import create_database, drop_database
from dtsrun_plugins.stages.full import Full
from dtsrun_plugins.stages.indexes import Indexes
from dtsrun_plugins.stages.structure import Structure


class Move(Bench):
    """A migration of structure and rows; steps read the source in a read-only transaction, as in the engine."""

    def plan(self) -> Plan:
        return make_plan(self.planning(), (Structure(), Full(), Indexes()))

    def run_step(self, step: Step) -> StepResult:
        source = self.connection("source", step.database)
        with source.transaction():
            source.execute("set transaction isolation level repeatable read, read only")
            return super().run_step(step)

    def steps(self, plugin: str, stage: str = "full") -> dict[str, Step]:
        """Return a kind's steps of the plan, by key without the database."""
        every = self.outcome.plan.steps.items()
        return {key.partition("/")[2]: s for key, s in every if s.plugin == plugin and s.stage == stage}

    def ends(self, database: str) -> tuple[Connection, Connection]:
        """Return the sessions on both ends of a database."""
        return self.connection("source", database), self.connection("target", database)


@contextmanager
def open_move(
    source: Route,
    target: Route,
    databases: Mapping[str, str],
    *,
    existing: Mapping[str, frozenset[str]] | None = None,
    **changes: Any,
) -> Iterator[Move]:
    """Read the inventory of databases, and plan their migration."""
    spec = make_spec(databases, **{"migration_type": MigrationType.FULL, **changes})
    move = Move(source, target, spec, existing or {})
    try:
        yield move
    finally:
        move.close()


@contextmanager
def seeded(
    source: Route, target: Route, name: str, script: str, *, source_options: str = "", target_options: str | None = None
) -> Iterator[str]:
    """Make a database on the source from a script; on the target too, where its options are given."""
    create_database(source, name, source_options)
    try:
        with connect(source, name, settings={"search_path": "public"}) as connection:
            connection.execute(script.encode())
        if target_options is not None:
            create_database(target, name, target_options)
        yield name
    finally:
        drop_database(source, name)
        drop_database(target, name)


@contextmanager
def moved(source: Route, target: Route, name: str, script: str, **changes: Any) -> Iterator[Move]:
    """Make a database from a script and migrate it."""
    options = {key: changes.pop(key) for key in ("source_options", "target_options") if key in changes}
    with seeded(source, target, name, script, **options), open_move(source, target, {name: name}, **changes) as move:
        move.run()
        yield move


Contents = Callable[[Connection, str], list[tuple[Any, ...]]]


def contents(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    """Return the texts of all rows of a table, in the order of the texts."""
    query = f'select t::text as row from only {table} t order by t::text collate "C"'
    return [tuple(row) for row in connection.execute(query.encode()).fetchall()]
