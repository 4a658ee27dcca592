"""Checks share sessions that only look, few of them however many databases there are, and look things up once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from dtsrun.api import Connection, Inventory, MigrationType, Precheck, Route, ServerFacts, Side, Spec
from dtsrun.engine.checking import MOST_IDLE, MOST_SESSIONS, Checking
from dtsrun.engine.checks import PARALLEL, run_checks
from dtsrun.engine.ends import Ends
from dtsrun.engine.policy import Policy
from dtsrun.engine.prepare import Preparation
from dtsrun.inventory import read_server_facts
from dtsrun.postgres.session import connect
from dtsrun.registry import Registry
from dtsrun.testing.fakes import make_spec


class Plain(Precheck):
    """Nothing is wrong"""

    name = "precheck.plain"

    def check(self, context: Any) -> Any:
        return ()


@pytest.fixture
def open_checking(source_route: Route, target_route: Route) -> Iterator[Callable[[Spec], Checking]]:
    """Make what checks share, over two servers."""
    opened: list[Checking] = []
    routes: dict[Side, Route] = {"source": source_route, "target": target_route}

    def make(spec: Spec) -> Checking:
        facts: dict[Side, ServerFacts] = {}
        for side, route in routes.items():
            with connect(route) as connection:
                facts[side] = read_server_facts(connection)
        ends = Ends(spec, Registry({}), routes, facts)
        opened.append(Checking(Preparation(ends)))
        return opened[-1]

    yield make
    for checking in opened:
        checking.close()


@pytest.fixture
def databases(source_route: Route, fresh_database: Any) -> list[str]:
    """More databases than a thread keeps sessions."""
    return [fresh_database(source_route) for _ in range(MOST_SESSIONS + 2)]


def sessions_on(route: Route, databases: list[str]) -> int:
    with connect(route) as connection:
        row = connection.execute(
            "select count(*) as n from pg_stat_activity where datname = any(%s) and application_name = 'dtsrun check'",
            [databases],
        ).fetchone()
        return int(row.n)


def test_however_many_databases_there_are_few_sessions_are_open(
    open_checking: Any, databases: list[str], source_route: Route
) -> None:
    """Every thread goes through every database, all at once, and looks how many sessions there are."""
    barrier = threading.Barrier(PARALLEL)
    seen: list[int] = []

    def look(self: Precheck, context: Any) -> Any:
        for name in databases:
            assert context.source(name).execute("select 1 as one").fetchone().one == 1
        barrier.wait(20)
        seen.append(sessions_on(source_route, databases))
        barrier.wait(20)
        return ()

    checks = [type("Look", (Precheck,), {"name": f"precheck.l{n}", "check": look})() for n in range(PARALLEL)]
    spec = make_spec({name: name for name in databases})
    results = run_checks(checks, Policy({}), MigrationType.FULL, open_checking(spec).context)
    assert [result.reason for result in results] == [""] * PARALLEL
    assert 0 < max(seen) <= PARALLEL * MOST_SESSIONS


def test_a_session_is_used_again_and_the_longest_unused_one_goes(open_checking: Any, databases: list[str]) -> None:
    checking = open_checking(make_spec({}))
    first, second = (checking.connection("source", name) for name in databases[:2])
    assert checking.connection("source", databases[0]) is first
    for name in databases[2 : MOST_SESSIONS + 1]:
        checking.connection("source", name)
    assert (first.closed, second.closed) == (False, True)


def test_one_in_the_midst_of_a_transaction_is_not_taken_away(open_checking: Any, databases: list[str]) -> None:
    checking = open_checking(make_spec({}))
    busy = checking.connection("source", databases[0])
    with busy.transaction():
        busy.execute("select 1")
        for name in databases[1:]:
            checking.connection("source", name)
        assert busy.execute("select 1 as one").fetchone().one == 1


def test_a_broken_session_is_opened_anew(open_checking: Any) -> None:
    checking = open_checking(make_spec({}))
    checking.connection("source", None).close()
    assert not checking.connection("source", None).closed


def test_what_a_check_leaves_open_is_ended_before_the_next(open_checking: Any) -> None:
    checking = open_checking(make_spec({}))
    view = checking.context(Plain(), {})
    left = view.source(None)
    left.execute("begin")
    with pytest.raises(psycopg.errors.UndefinedTable):
        left.execute("select * from nowhere")
    assert checking.context(Plain(), {}).source(None).execute("select 1 as one").fetchone().one == 1


def test_sessions_only_look_and_never_wait_for_long(open_checking: Any) -> None:
    session: Connection = open_checking(make_spec({})).context(Plain(), {}).source(None)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        session.execute("create table public.t (id int)")
    row = session.execute("select current_setting('statement_timeout') s, current_setting('lock_timeout') l").fetchone()
    assert (row.s, row.l) == ("1min", "5s")


def test_a_database_that_the_target_lacks_is_none_and_is_asked_for_once(
    open_checking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = open_checking(make_spec({"nowhere": "nowhere"}))
    asked: list[str] = []
    look = checking.preparation.target_databases
    monkeypatch.setattr(checking.preparation, "target_databases", lambda: asked.append("asked") or look())
    view = checking.context(Plain(), {})
    assert [view.target("nowhere"), view.target("nowhere")] == [None, None]
    assert view.target() is not None
    assert asked == ["asked"]


def test_all_sessions_are_closed_at_the_end(open_checking: Any) -> None:
    checking = open_checking(make_spec({}))
    session = checking.connection("source", None)
    checking.close()
    assert session.closed


def test_the_inventory_is_known_only_once_it_was_asked_for(open_checking: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    checking = open_checking(make_spec({}))
    facts = checking.preparation.ends.facts["source"]
    read = Inventory(server=facts, databases={}, digest="d")
    monkeypatch.setattr("dtsrun.engine.prepare.read_inventory", lambda *a, **k: read)
    assert checking.preparation.known_inventory is None
    assert checking.context(Plain(), {}).inventory is read
    assert checking.preparation.known_inventory is read


def test_the_next_check_has_the_session_of_the_last_whatever_thread_makes_it(open_checking: Any) -> None:
    checking = open_checking(make_spec({}))
    first = checking.context(Plain(), {}).source(None)
    checking.context(Plain(), {})
    found: list[Connection] = []
    other = threading.Thread(target=lambda: found.append(checking.context(Plain(), {}).source(None)))
    other.start()
    other.join()
    assert found == [first]


def test_few_sessions_wait_for_the_next_check(open_checking: Any, databases: list[str]) -> None:
    checking = open_checking(make_spec({name: name for name in databases}))
    used = []
    for name in databases:
        used.append(checking.context(Plain(), {}).source(name))
    checking.context(Plain(), {})
    assert [connection.closed for connection in used] == [True] * (len(used) - MOST_IDLE) + [False] * MOST_IDLE
