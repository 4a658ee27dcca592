"""The mover carries rows exactly; whatever happens on the way leaves both connections clean and nothing half made."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from dtsrun.api import Connection, Route
from dtsrun.errors import Interrupted
from dtsrun.postgres.libpq_loop import BLOCK_BYTES
from dtsrun.postgres.mover import Moved, copy_rows, side_of
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.certificates import encrypted, versions_that_encrypt
from dtsrun.testing.servers import FreshDatabase
from dtsrun.throttle import Pace

FROM_NUMBERS = sql.SQL("copy public.numbers from stdin")
# In the select list a set-returning function gives row by row; in FROM its rows would be gathered first.
SILENT = sql.SQL("copy (select pg_sleep(3600)) to stdout")
ENDLESS = sql.SQL("copy (select generate_series(1, 2000000000), repeat('x', 100)) to stdout")


class Ledger:
    """A progress callback that adds up, and may raise once it was called often enough."""

    def __init__(self, error: BaseException | None = None, after: int = 1) -> None:
        self.rows = self.bytes = self.calls = 0
        self._error, self._after = error, after

    def __call__(self, *, rows: int = 0, bytes: int = 0) -> None:
        self.rows += rows
        self.bytes += bytes
        self.calls += 1
        if self._error and self.calls >= self._after:
            raise self._error


@pytest.fixture(params=["relay", "libpq", "tls"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way keeps every promise: the relay in clear, libpq's loop, the relay over TLS."""
    if request.param == "libpq":
        monkeypatch.setattr("dtsrun.postgres.mover.mover_for", lambda *ends: "libpq")
    return request.param


@pytest.fixture(scope="module")
def encrypted_route(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Route]:
    versions = versions_that_encrypt()
    if not versions:
        pytest.skip("no installed server was built with TLS (those of the embedded extra are not)")
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-mover-"))
    folder.chmod(0o755)
    server = PrivateServer(folder / "server", versions[-1], settings=encrypted(folder))
    try:
        server.start()
        yield replace(server.route, parameters={**server.route.parameters, "sslmode": "require"})
    finally:
        server.destroy()
        shutil.rmtree(folder)


@pytest.fixture
def routes(request: pytest.FixtureRequest, way: str) -> tuple[Route, Route]:
    names = ("encrypted_route",) * 2 if way == "tls" else ("source_route", "target_route")
    source, target = (request.getfixturevalue(name) for name in names)
    return source, target


@pytest.fixture
def source(routes: tuple[Route, Route]) -> Iterator[Connection]:
    with connect(routes[0]) as connection:
        connection.execute("begin isolation level repeatable read read only")
        yield connection


@pytest.fixture
def target(routes: tuple[Route, Route], fresh_database: FreshDatabase) -> Iterator[Connection]:
    with connect(routes[1], fresh_database(routes[1])) as connection:
        connection.execute("create table public.numbers (n bigint, note text)")
        connection.execute("begin")
        yield connection


def copy_of(query: str) -> sql.Composable:
    return sql.SQL("copy ({}) to stdout").format(sql.SQL(query))  # type: ignore[arg-type]


def move(source: Connection, query: str, target: Connection, progress: Callable[..., None] | None = None) -> Moved:
    return copy_rows(source, copy_of(query), target, FROM_NUMBERS, progress=progress or Ledger())


def rows_of(target: Connection) -> list[Any]:
    return target.execute("select n, note from public.numbers order by n").fetchall()


def assert_clean(*connections: Connection) -> None:
    for connection in connections:
        if not connection.closed:
            connection.rollback()
            assert connection.execute("select 1 as one").fetchone() == (1,)


def assert_nothing_stays(target: Connection) -> None:
    target.rollback()
    assert rows_of(target) == []


class TestRows:
    def test_arrive_as_they_are(self, source: Connection, target: Connection) -> None:
        moved = move(source, r"values (1, null), (2, ''), (3, E'\\N'), (4, E'a\tb\r\n\\.\n')", target)
        assert moved.rows == 4
        assert rows_of(target) == [(1, None), (2, ""), (3, r"\N"), (4, "a\tb\r\n\\.\n")]

    def test_none_at_all_is_fine(self, source: Connection, target: Connection) -> None:
        moved = move(source, "select 1, 'x' where false", target)
        assert (moved.rows, moved.bytes) == (0, 0)

    def test_of_many_blocks_are_all_counted_and_told(self, source: Connection, target: Connection, way: str) -> None:
        ledger = Ledger()
        moved = move(source, "select g, repeat('x', 100) from generate_series(1, 20000) g", target, ledger)
        assert moved.rows == ledger.rows == 20000
        assert moved.bytes == ledger.bytes > 5 * BLOCK_BYTES
        assert moved.mover == ("libpq" if way == "libpq" else "relay")
        assert source.pgconn.ssl_in_use == target.pgconn.ssl_in_use == (way == "tls")
        assert target.execute("select count(*), sum(n) from public.numbers").fetchone() == (20000, 200010000)

    def test_longer_than_a_piece_arrive_whole(self, source: Connection, target: Connection) -> None:
        move(source, "select 1, repeat('0123456789', 350000)", target)
        same = target.execute("select note = repeat('0123456789', 350000) as same from public.numbers")
        assert same.fetchone() == (True,)

    def test_of_a_hundred_megabytes_arrive_whole(self, source: Connection, target: Connection) -> None:
        moved = move(source, "select 1, repeat('0123456789', 10485760)", target)
        assert moved.bytes > 100 * 1024 * 1024
        assert target.execute("select pg_catalog.length(note) from public.numbers").fetchone() == (104857600,)

    def test_belong_to_the_transaction_that_is_open(self, source: Connection, target: Connection) -> None:
        move(source, "values (1, 'x')", target)
        assert target.info.transaction_status == source.info.transaction_status == TransactionStatus.INTRANS
        assert_nothing_stays(target)


class TestAnErrorOfTheSource:
    def test_in_the_middle_leaves_nothing(self, source: Connection, target: Connection) -> None:
        with pytest.raises(psycopg.errors.DivisionByZero) as caught:
            move(source, "select 1 / (10000 - g), repeat('x', 100) from generate_series(1, 20000) g", target)
        assert side_of(caught.value) == "source"
        assert_nothing_stays(target)
        assert_clean(source, target)

    def test_at_the_start_keeps_its_fields(self, source: Connection, target: Connection) -> None:
        with pytest.raises(psycopg.errors.UndefinedTable) as caught:
            copy_rows(source, sql.SQL("copy public.nowhere to stdout"), target, FROM_NUMBERS, progress=Ledger())
        assert caught.value.diag.message_primary == 'relation "public.nowhere" does not exist'
        assert_clean(source, target)

    def test_that_ends_its_session_leaves_nothing(
        self, routes: tuple[Route, Route], source: Connection, target: Connection
    ) -> None:
        with connect(routes[0]) as other:
            killer = killing(other, source)
            with pytest.raises(psycopg.OperationalError) as caught:
                copy_rows(source, ENDLESS, target, FROM_NUMBERS, progress=killer)
        assert side_of(caught.value) == "source"
        assert source.closed
        assert_nothing_stays(target)


class TestAnErrorOfTheTarget:
    def test_names_table_line_and_column(self, source: Connection, target: Connection) -> None:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as caught:
            move(source, "select case g when 42 then 'many' else g::text end, '' from generate_series(1, 50) g", target)
        assert side_of(caught.value) == "target"
        assert caught.value.diag.context == 'COPY numbers, line 42, column n: "many"'
        assert_nothing_stays(target)
        assert_clean(source)

    def test_is_noticed_before_the_source_is_through(self, source: Connection, target: Connection) -> None:
        target.execute("alter table public.numbers add check (n < 5000)")
        started = time.monotonic()
        with pytest.raises(psycopg.errors.CheckViolation) as caught:
            copy_rows(source, ENDLESS, target, FROM_NUMBERS, progress=Ledger())
        assert time.monotonic() - started < 10
        assert (caught.value.diag.context or "").startswith("COPY numbers, line 5000:")
        assert_clean(source, target)

    def test_at_the_start_cancels_the_source(self, source: Connection, target: Connection) -> None:
        with pytest.raises(psycopg.errors.UndefinedTable) as caught:
            copy_rows(source, ENDLESS, target, sql.SQL("copy public.nowhere from stdin"), progress=Ledger())
        assert side_of(caught.value) == "target"
        assert_clean(source, target)

    @pytest.mark.parametrize("rows", [ENDLESS, SILENT])
    def test_ends_a_source_that_missed_to_be_cancelled(
        self, source: Connection, target: Connection, monkeypatch: pytest.MonkeyPatch, rows: sql.SQL
    ) -> None:
        cancel, asked = source.cancel_safe, []

        def too_early(**options: float) -> None:
            # What comes before the statement begins does nothing.
            if asked:
                cancel(**options)
            asked.append(options)

        monkeypatch.setattr(source, "cancel_safe", too_early)
        started = time.monotonic()
        with pytest.raises(psycopg.errors.UndefinedTable):
            copy_rows(source, rows, target, sql.SQL("copy public.nowhere from stdin"), progress=Ledger())
        assert time.monotonic() - started < 8
        assert len(asked) > 1
        assert_clean(source, target)

    def test_that_ends_its_session_leaves_the_source_clean(
        self, routes: tuple[Route, Route], source: Connection, target: Connection
    ) -> None:
        with connect(routes[1]) as other, pytest.raises(psycopg.OperationalError) as caught:
            copy_rows(source, ENDLESS, target, FROM_NUMBERS, progress=killing(other, target))
        assert side_of(caught.value) == "target"
        assert target.closed
        assert_clean(source)


class TestTheWishToStop:
    @pytest.mark.parametrize("wish", [Interrupted("the task was stopped"), KeyboardInterrupt()])
    def test_leaves_both_ends_clean(self, source: Connection, target: Connection, wish: BaseException) -> None:
        with pytest.raises(type(wish)):
            copy_rows(source, ENDLESS, target, FROM_NUMBERS, progress=Ledger(wish, after=3))
        assert_nothing_stays(target)
        assert_clean(source, target)

    def test_is_heard_while_the_source_is_silent(self, source: Connection, target: Connection) -> None:
        started = time.monotonic()
        with pytest.raises(Interrupted):
            move(source, "select 1, pg_sleep(60)::text", target, Ledger(Interrupted("the task was stopped")))
        assert time.monotonic() - started < 5
        assert_clean(source, target)

    def test_is_heard_while_the_target_waits_for_a_lock(
        self, routes: tuple[Route, Route], source: Connection, target: Connection
    ) -> None:
        with connect(routes[1], target.info.dbname, autocommit=False) as other:
            other.execute("lock table public.numbers in access exclusive mode")
            with pytest.raises(Interrupted):
                move(source, "values (1, 'x')", target, Ledger(Interrupted("the task was stopped")))
        assert not target.closed
        assert_clean(source, target)


class TestOddities:
    def test_notices_do_not_end_the_copy(self, source: Connection, target: Connection) -> None:
        heard: list[str] = []
        target.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
        target.execute("set local client_min_messages = notice")
        target.execute(
            "create function public.tell() returns trigger language plpgsql as"
            " $$ begin if new.n % 1000 = 0 then raise notice 'row %', new.n; end if; return new; end $$"
        )
        target.execute(
            "create trigger tell before insert on public.numbers for each row execute function public.tell()"
        )
        query = "select g, case g when 1500 then pg_sleep(1.5)::text end from generate_series(1, 3000) g"
        assert move(source, query, target).rows == 3000
        assert heard == ["row 1000", "row 2000", "row 3000"]

    def test_a_statement_that_is_no_copy_is_refused(self, source: Connection, target: Connection) -> None:
        with pytest.raises(psycopg.ProgrammingError, match="the source is no COPY"):
            copy_rows(source, sql.SQL("select 1"), target, FROM_NUMBERS, progress=Ledger())
        assert_clean(source, target)

    def test_errors_from_elsewhere_are_of_no_side(self) -> None:
        assert side_of(ValueError("x")) is None


def killing(other: Connection, victim: Connection) -> Callable[..., None]:
    """Return a progress callback that ends the victim's session, once."""
    open_victims = [victim.info.backend_pid]

    def kill(*, rows: int = 0, bytes: int = 0) -> None:
        if open_victims:
            other.execute("select pg_catalog.pg_terminate_backend(%s)", [open_victims.pop()])

    return kill


def test_a_copy_that_is_held_stands_nearly_still_and_no_server_takes_it_for_dead(
    routes: tuple[Route, Route], target: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server with data to send ends a session whose client takes none for as long as tcp_user_timeout.
    monkeypatch.setattr("dtsrun.throttle.TRICKLE_SECONDS", 0.25)
    pace, moved_in_hold = Pace(None), 0

    def release() -> None:
        nonlocal moved_in_hold
        moved_in_hold = pace.moved - moved_before
        pace.release()

    moved_before = 0
    timer = threading.Timer(3.0, release)

    def progress(*, rows: int = 0, bytes: int = 0) -> None:
        nonlocal moved_before
        if pace.moved > 5_000_000 and not timer.is_alive() and not moved_in_hold:
            moved_before = pace.moved + bytes
            pace.hold()
            timer.start()
        pace.passed(bytes, lambda: False)

    with connect(routes[0], settings={"tcp_user_timeout": "1000"}) as source:
        query = "select generate_series(1, 400000), repeat('x', 100)"
        assert move(source, query, target, progress).rows == 400000
    assert 0 < moved_in_hold < (3.0 / 0.25 + 2) * 2 * BLOCK_BYTES
