"""Two databases and what a step sees of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dtsrun.api import Connection, Difference, Route, Step, StepContext, StepResult
from dtsrun.compare import compare_rows
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase


@dataclass
class Pair:
    """A source and a target database, and a context that reads in transactions as the engine's does."""

    source: Connection
    target: Connection
    """For the test's own statements, with `public` in the search path."""
    read_source: Connection
    read_target: Connection
    """What the comparison gets, with the canonical settings."""
    progressed: int = field(default=0)

    def on_both(self, *statements: str) -> None:
        """Run statements on either end."""
        for statement in statements:
            self.source.execute(statement)
            self.target.execute(statement)

    def compare(self, table: str, **args: Any) -> StepResult:
        """Compare the rows of a table; `args` go over those that the source's catalog gives."""
        schema, _, name = table.rpartition(".")
        schema = schema or "public"
        given = {"schema": schema, "name": name, "filter": None, "where": None, "mode": "full"}
        with self.read_source.transaction(), self.read_target.transaction():
            self.read_source.execute("set transaction isolation level repeatable read, read only")
            return compare_rows(self.context({**given, **self._facts(schema, name), **args}))

    def differences(self, table: str, **args: Any) -> tuple[Difference, ...]:
        """Return what comparing a table finds."""
        return self.compare(table, **args).differences

    def context(self, args: Mapping[str, Any]) -> StepContext:
        """Return what a step with these args sees."""
        step = Step(
            key="shop/verify/it", stage="verify", plugin="object.tables", action="compare", args=args, database="shop"
        )
        return cast(
            StepContext,
            SimpleNamespace(
                step=step,
                spec=SimpleNamespace(stages={}),
                source=lambda: self.read_source,
                target=lambda: self.read_target,
                progress=self._progress,
            ),
        )

    def _progress(self, *, rows: int = 0, bytes: int = 0) -> None:
        self.progressed += rows

    def _facts(self, schema: str, name: str) -> dict[str, Any]:
        columns = self.source.execute(
            "select attname as name, format_type(atttypid, atttypmod) as type, atttypid::bigint as type_oid,"
            "       attrelid::bigint as oid"
            "  from pg_attribute where attrelid = format('%%I.%%I', %s::text, %s::text)::regclass"
            "   and attnum > 0 and not attisdropped order by attnum",
            [schema, name],
        ).fetchall()
        key = self.source.execute(
            "select a.attname as name from pg_index i, unnest(i.indkey) with ordinality as k (number, position)"
            "  join pg_attribute a on a.attnum = k.number"
            " where a.attrelid = i.indrelid and i.indisprimary"
            "   and i.indrelid = format('%%I.%%I', %s::text, %s::text)::regclass order by k.position",
            [schema, name],
        ).fetchall()
        return {
            "oid": columns[0].oid if columns else None,
            "columns": [{"name": c.name, "type": c.type, "type_oid": c.type_oid} for c in columns],
            "key": [k.name for k in key],
        }


MakePair = Callable[..., Pair]


@pytest.fixture
def make_pair(fresh_database: FreshDatabase) -> Iterator[MakePair]:
    """Make a pair of empty databases on two servers; options are those of `create database`."""
    with ExitStack() as stack:

        def make(source: Route, target: Route, source_options: str = "", target_options: str = "") -> Pair:
            names = fresh_database(source, options=source_options), fresh_database(target, options=target_options)
            ends = list(zip((source, target), names, strict=True))
            writers = [stack.enter_context(connect(*end, settings={"search_path": "public"})) for end in ends]
            readers = [stack.enter_context(connect(*end)) for end in ends]
            return Pair(*writers, *readers)

        yield make


@pytest.fixture
def pair(make_pair: MakePair, source_route: Route, target_route: Route) -> Pair:
    """A pair of empty databases on servers 16 and 18."""
    return make_pair(source_route, target_route)
