"""The relay's stream may be cut anywhere and interrupted by anything: rows arrive exactly, and libpq knows all else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.pq import TransactionStatus

from dtsrun.api import Connection, Route
from dtsrun.errors import Interrupted
from dtsrun.postgres.detour import CHUNK_BYTES
from dtsrun.postgres.mover import Moved, copy_rows, side_of
from dtsrun.postgres.session import connect
from dtsrun.postgres.tls_line import TlsOut
from dtsrun.testing.servers import FreshDatabase

sys.path.insert(0, str(Path(__file__).parent))
from scripted import (
    COPY_DONE,
    GREETING,
    READY,
    ScriptedServer,
    copy_answer,
    cut_at,
    done,
    error,
    notice,
    parameter,
    row,
)

OUT = sql.SQL("copy t to stdout")
IN = sql.SQL("copy t from stdin")
ROWS = [b"1\tone\n", b"", b"2\t" + b"d" * 300 + b"\n", b"3\tdNESZ\n", b"44\tx\n"]
FULL_STREAM = b"".join(
    [
        parameter("application_name", "before"),
        copy_answer("H"),
        row(ROWS[0]),
        row(ROWS[1]),
        notice("in the middle"),
        row(ROWS[2]),
        parameter("application_name", "in the middle"),
        row(ROWS[3]),
        row(ROWS[4]),
        notice("at the end"),
        COPY_DONE,
        done(5),
    ]
)


def ignore(*, rows: int = 0, bytes: int = 0) -> None:
    """No progress is looked at."""


def stop(*, rows: int = 0, bytes: int = 0) -> None:
    raise Interrupted("the task was stopped")


def take_rows(server: ScriptedServer) -> None:
    """Be a target that takes what comes."""
    server.say(copy_answer("G"))
    taken = 0
    while (kind := server.hear()[0]) == "d":
        taken += 1
    assert kind in ("c", "f")
    server.say(done(taken) if kind == "c" else error("COPY from stdin failed", "57014") + READY)


def rows_heard(server: ScriptedServer) -> list[bytes]:
    return [content for kind, content in server.heard if kind == "d"]


def assert_arrived(server: ScriptedServer, rows: Sequence[bytes], moved: Moved) -> None:
    """Rows arrived as they were; libpq's loop joins them, and a scripted server counts messages."""
    assert moved.bytes == sum(map(len, rows))
    if moved.mover == "relay":
        assert moved.rows == len(rows)
        assert rows_heard(server) == rows
    else:
        assert b"".join(rows_heard(server)) == b"".join(rows)


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
class TestAStreamOfTheSource:
    def test_may_be_cut_at_every_byte(self, tls: bool) -> None:
        cuts = count(1)
        left_to_libpq = 0
        heard: list[str] = []
        with (
            ScriptedServer(lambda s: s.say(*cut_at(FULL_STREAM, [next(cuts)])), tls=tls) as source,
            ScriptedServer(take_rows, tls=tls) as target,
        ):
            out, into = source.connect(), target.connect()
            out.add_notice_handler(lambda diag: heard.append(diag.message_primary or ""))
            for _ in range(len(FULL_STREAM)):
                target.heard.clear()
                heard.clear()
                moved = copy_rows(out, OUT, into, IN, progress=ignore)
                left_to_libpq += moved.mover == "libpq"
                assert_arrived(target, ROWS, moved)
                if not tls:  # there rows stand behind them in the same record
                    assert heard == ["in the middle", "at the end"]
                    assert out.info.parameter_status("application_name") == "in the middle"
                assert {c.info.transaction_status for c in (out, into)} == {TransactionStatus.IDLE}
            out.close()
            into.close()
        assert left_to_libpq == (7 if tls else 0)  # a record of TLS that ends within the first bytes of the answer

    def test_may_come_byte_by_byte(self, tls: bool) -> None:
        dribble = range(len(FULL_STREAM))
        with (
            ScriptedServer(lambda s: s.say(*cut_at(FULL_STREAM, dribble)), tls=tls) as source,
            ScriptedServer(take_rows, tls=tls) as target,
        ):
            with source.connect() as out, target.connect() as into:
                moved = copy_rows(out, OUT, into, IN, progress=ignore)
            assert moved.mover == ("libpq" if tls else "relay")  # no record holds the beginning of the answer
            assert_arrived(target, ROWS, moved)

    @settings(max_examples=40, deadline=None)
    @given(
        rows=st.lists(st.binary(max_size=400), max_size=40),
        asides=st.lists(st.sampled_from([notice("n"), notice("n" * 70_000), parameter("x", "y")]), max_size=4),
        cuts=st.lists(st.integers(0, 20_000), max_size=12),
    )
    def test_arrives_however_it_is_made_up(
        self, tls: bool, rows: list[bytes], asides: list[bytes], cuts: Sequence[int]
    ) -> None:
        parts = [row(content) for content in rows]
        for number, aside in enumerate(asides):
            parts.insert(min(len(parts), number * 7), aside)
        stream = copy_answer("H") + b"".join(parts) + COPY_DONE + done(len(rows))
        with (
            ScriptedServer(lambda s: s.say(*cut_at(stream, cuts)), tls=tls) as source,
            ScriptedServer(take_rows, tls=tls) as target,
            source.connect() as out,
            target.connect() as into,
        ):
            moved = copy_rows(out, OUT, into, IN, progress=ignore)
            assert out.info.transaction_status == TransactionStatus.IDLE
        assert_arrived(target, rows, moved)

    @pytest.mark.parametrize("rows_before", range(len(ROWS)))
    def test_may_end_with_an_error_at_every_row(self, tls: bool, rows_before: int) -> None:
        rows = b"".join(map(row, ROWS[:rows_before]))
        stream = copy_answer("H") + rows + error("no more", "22012") + READY
        pieces = cut_at(stream, range(0, len(stream), 3))
        with (
            ScriptedServer(lambda s: s.say(*pieces), tls=tls) as source,
            ScriptedServer(take_rows, tls=tls) as target,
            source.connect() as out,
            target.connect() as into,
        ):
            with pytest.raises(psycopg.errors.DivisionByZero, match="no more") as caught:
                copy_rows(out, OUT, into, IN, progress=ignore)
            assert side_of(caught.value) == "source"
            assert {c.info.transaction_status for c in (out, into)} == {TransactionStatus.IDLE}
        assert [kind for kind, _ in target.heard[-2:]] == ["f", "X"]

    def test_that_breaks_off_inside_a_row_leaves_the_target_whole(self, tls: bool) -> None:
        half = row(b"x" * 3 * CHUNK_BYTES)[: CHUNK_BYTES + 7]

        def break_off(server: ScriptedServer) -> None:
            server.say(copy_answer("H") + row(b"1\n") + half)
            server.hang_up()

        with (
            ScriptedServer(break_off, tls=tls) as source,
            ScriptedServer(take_rows, tls=tls) as target,
            source.connect() as out,
            target.connect() as into,
        ):
            with pytest.raises(psycopg.OperationalError) as caught:
                copy_rows(out, OUT, into, IN, progress=ignore)
            assert side_of(caught.value) == "source"
            assert out.closed
            assert not into.closed
        # The server would have taken a farewell inside the row for a part of it.
        assert [kind for kind, _ in target.heard] == ["Q", "d", "d", "f", "X"]
        assert len(rows_heard(target)[1]) == 3 * CHUNK_BYTES

    def test_that_does_not_begin_at_a_boundary_is_left_to_libpq(self, tls: bool) -> None:
        late = notice("said before, heard in halves")
        begin = [late[9:] + FULL_STREAM]
        heard: list[str] = []
        greeting = GREETING + late[:9]
        with (
            ScriptedServer(lambda s: s.say(begin.pop()), greeting, tls=tls) as source,
            ScriptedServer(take_rows, tls=tls) as target,
            source.connect() as out,
            target.connect() as into,
        ):
            out.add_notice_handler(lambda diag: heard.append(diag.message_primary or ""))
            assert copy_rows(out, OUT, into, IN, progress=ignore).mover == "libpq"
        assert heard[0] == "said before, heard in halves"
        assert b"".join(rows_heard(target)) == b"".join(ROWS)


def test_rows_whose_taker_never_came_back_leave_the_line_at_its_place() -> None:
    # What is discarded after a wish to stop begins in the middle of a header.
    first, second = row(b"d" * 400), row(b"d" * 70)  # whose headers differ where they are cut
    stream = [copy_answer("H") + first + second[:4], second[4:] + COPY_DONE + done(2)]
    with ScriptedServer(lambda s: s.say(*stream), tls=True) as server, server.connect() as out:
        line = TlsOut(out.pgconn)
        out.pgconn.send_query(b"copy t to stdout")
        line.flush()
        while not line.aligned:
            line.receive()
        taken = next(rows for _ in count() for rows in line.rows())
        assert bytes(taken[1]) == first
        left, until = b"", time.monotonic() + 5
        while not line.is_over:
            assert time.monotonic() < until
            left += b"".join(bytes(view) for _, view, _ in line.rows())
        assert left == second
        assert out.pgconn.get_result().command_tuples == 2
        assert out.pgconn.get_result() is None


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
class TestATargetThatSpeaks:
    def test_beside_taking_rows_is_heard(self, tls: bool) -> None:
        def chat(server: ScriptedServer) -> None:
            # What a part of is missing in a record of TLS is read over.
            places = () if tls else range(200)
            server.say(*cut_at(notice("at first") + copy_answer("G"), places))
            server.say(*cut_at(parameter("TimeZone", "Mars") + notice("while rows come"), places))
            while server.hear()[0] == "d":
                pass
            server.say(*cut_at(notice("at last") + done(5), places))

        heard: list[str] = []
        with (
            ScriptedServer(lambda s: s.say(FULL_STREAM), tls=tls) as source,
            ScriptedServer(chat, tls=tls) as target,
            source.connect() as out,
            target.connect() as into,
        ):
            into.add_notice_handler(lambda diag: heard.append(diag.message_primary or ""))
            assert copy_rows(out, OUT, into, IN, progress=ignore).rows == 5
            assert into.info.parameter_status("TimeZone") == "Mars"
        assert heard == ["at first", "while rows come", "at last"]
        assert rows_heard(target) == ROWS

    def test_of_an_error_stops_a_source_that_would_go_on(self, tls: bool) -> None:
        def refuse(server: ScriptedServer) -> None:
            server.say(copy_answer("G"))
            server.hear()
            server.say(*cut_at(error("row refused", "23514") + READY, range(200)))
            while server.hear()[0] == "d":
                pass

        def go_on(server: ScriptedServer) -> None:
            server.say(copy_answer("H"))
            for _ in range(400):
                server.say(row(b"x" * 100_000))
            server.say(error("cancelled", "57014") + READY)

        with (
            ScriptedServer(go_on, tls=tls) as source,
            ScriptedServer(refuse, tls=tls) as target,
            source.connect() as out,
            target.connect() as into,
        ):
            with pytest.raises(psycopg.errors.CheckViolation, match="row refused") as caught:
                copy_rows(out, OUT, into, IN, progress=ignore)
            assert side_of(caught.value) == "target"
            assert into.info.transaction_status == TransactionStatus.IDLE
        assert [kind for kind, _ in target.heard[-2:]] == ["f", "X"]
        assert len(rows_heard(target)) < 400


Pair = tuple[Connection, Connection]


@pytest.fixture
def pair(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> Iterator[Pair]:
    with connected(source_route, target_route, fresh_database) as connections:
        yield connections


@contextmanager
def connected(source: Route, target: Route, fresh_database: FreshDatabase) -> Iterator[Pair]:
    with connect(source) as out, connect(target, fresh_database(target)) as into:
        out.execute("begin isolation level repeatable read read only")
        into.execute("create table public.t (n bigint, note text)")
        into.execute("begin")
        yield out, into


def copy(pair: Pair, query: str, progress: object = ignore) -> Moved:
    out = sql.SQL("copy ({}) to stdout (format binary)").format(sql.SQL(query))  # type: ignore[arg-type]
    return copy_rows(pair[0], out, pair[1], sql.SQL("copy public.t from stdin (format binary)"), progress=progress)  # type: ignore[arg-type]


class TestRealServers:
    def test_rows_in_binary_are_counted_without_the_trailer(self, pair: Pair) -> None:
        told: list[int] = []
        moved = copy(
            pair,
            "select g::bigint, 'x'::text from generate_series(1, 1000) g",
            lambda rows=0, bytes=0: told.append(rows),
        )
        assert (moved.mover, moved.rows, sum(told)) == ("relay", 1000, 1000)

    def test_a_stop_while_a_trigger_waits_and_half_a_row_is_sent(self, pair: Pair) -> None:
        _, into = pair
        into.execute(
            "create function public.wait() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(3600); return new; end $$;"
            " create trigger wait before insert on public.t for each row execute function public.wait()"
        )
        started = time.monotonic()
        with pytest.raises(Interrupted):
            copy(pair, "select g::bigint, repeat('x', 5000000) from generate_series(1, 100) g", stop)
        assert time.monotonic() - started < 8
        for connection in pair:
            assert not connection.closed
            assert connection.info.transaction_status == TransactionStatus.INERROR
            connection.rollback()
            assert connection.execute("select 1 as one").fetchone() == (1,)

    def test_a_table_of_1600_columns(self, pair: Pair) -> None:
        columns = sql.SQL(", ").join(sql.SQL("c{} bool").format(sql.SQL(str(n))) for n in range(1600))  # type: ignore[arg-type]
        pair[1].execute(sql.SQL("create table public.wide ({})").format(columns))
        values = sql.SQL(", ").join([sql.SQL("true")] * 1600)
        out = sql.SQL("copy (select {} from generate_series(1, 3)) to stdout").format(values)
        moved = copy_rows(pair[0], out, pair[1], sql.SQL("copy public.wide from stdin"), progress=ignore)
        assert (moved.mover, moved.rows) == ("relay", 3)

    def test_memory_is_bounded_whatever_a_row_holds(self, source_route: Route, target_route: Route, pair: Pair) -> None:
        pair[1].commit()
        program = (
            "import resource, sys, psycopg; from psycopg import sql; from dtsrun.postgres.mover import copy_rows\n"
            "out, into = (psycopg.connect(sys.stdin.readline().strip(), autocommit=True) for _ in range(2))\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "copy_rows(out, sql.SQL(\"copy (select 1, repeat('x', 104857600)) to stdout\"), into,"
            " sql.SQL('copy public.t from stdin'), progress=lambda rows=0, bytes=0: None)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
        )
        ends = f"{source_route.conninfo()}\n{target_route.conninfo(pair[1].info.dbname)}\n"
        ran = subprocess.run([sys.executable, "-c", program], input=ends, capture_output=True, text=True, check=True)
        assert int(ran.stdout) < 4 * 1024  # KiB


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_on_both_ends(version: int, postgres_server: object, fresh_database: FreshDatabase) -> None:
    route: Route = postgres_server(version)  # type: ignore[operator]
    with connected(route, route, fresh_database) as pair:
        pair[1].execute(
            "create function public.tell() returns trigger language plpgsql as $$ begin"
            " perform set_config('TimeZone', case new.n % 2 when 0 then 'UTC' else 'Asia/Tokyo' end, true);"
            " if new.n % 100 = 0 then raise notice 'row %', new.n; end if; return new; end $$;"
            " create trigger tell before insert on public.t for each row execute procedure public.tell();"
            " set local client_min_messages = notice"
        )
        heard: list[str] = []
        pair[1].add_notice_handler(lambda diag: heard.append(diag.message_primary or ""))
        moved = copy(pair, "select g::bigint, 'x'::text from generate_series(1, 1000) g")
        assert (moved.mover, moved.rows) == ("relay", 1000)
        assert heard == [f"row {n}" for n in range(100, 1001, 100)]
        assert pair[1].info.transaction_status == TransactionStatus.INTRANS
        with pytest.raises(psycopg.errors.DivisionByZero):
            copy(pair, "select (1 / (500 - g))::bigint, 'x'::text from generate_series(1, 1000) g")
        assert {c.info.transaction_status for c in pair} == {TransactionStatus.INERROR}
