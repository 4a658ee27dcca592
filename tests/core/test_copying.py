"""A table's rows arrive as a whole, whatever has to give way for it; what cannot be is named, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from dtsrun.api import Connection, Failure, Route, StepContext, StepResult
from dtsrun.copied_table import Table, arguments
from dtsrun.copying import copy_table, savepoint
from dtsrun.errors import Interrupted
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase, create_database, drop_database


@dataclass
class Pair:
    """A source and a target database, in transactions as a step finds them."""

    source: Connection
    target: Connection
    encoding: str = "UTF8"
    wish: BaseException | None = None
    """What `progress` raises."""
    bytes: int = field(default=0)

    def on_source(self, *statements: str) -> None:
        self._run(self.source, statements)

    def on_target(self, *statements: str) -> None:
        self._run(self.target, statements)

    def on_both(self, *statements: str) -> None:
        self.on_source(*statements)
        self.on_target(*statements)

    def copy(self, name: str, *columns: str, **more: Any) -> StepResult:
        """Copy a table of the schema public."""
        table = Table(schema="public", name=name, columns=columns, encoding=self.encoding, **more)
        with self.source.transaction(), self.target.transaction():
            self.source.execute("set transaction isolation level repeatable read, read only")
            return copy_table(self._context(arguments(table)))

    def failure(self, name: str, *columns: str, **more: Any) -> Failure:
        """Copy a table that cannot be copied, and return why; the target must be as it was."""
        before = self.rows(name)
        (failure,) = self.copy(name, *columns, **more).failures
        assert self.rows(name) == before
        return failure

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.target.execute(f"table public.{name}".encode()).fetchall()]

    def _run(self, connection: Connection, statements: tuple[str, ...]) -> None:
        for statement in statements:
            connection.execute(statement.encode())

    def _context(self, args: Any) -> StepContext:
        account = SimpleNamespace(current_user="mover")
        fake = SimpleNamespace(
            step=SimpleNamespace(args=args, database="shop"),
            source=lambda: self.source,
            target=lambda: self.target,
            facts=lambda side: account,
            progress=self._progress,
        )
        return cast(StepContext, fake)

    def _progress(self, *, rows: int = 0, bytes: int = 0) -> None:
        self.bytes += bytes
        if self.wish:
            raise self.wish


MakePair = Callable[..., Pair]


@pytest.fixture
def make_pair(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> Iterator[MakePair]:
    """Make two databases of given encodings."""
    with ExitStack() as stack:

        def make(encoding: str = "UTF8", target_encoding: str = "UTF8") -> Pair:
            ends = []
            for route, name in ((source_route, encoding), (target_route, target_encoding)):
                options = f"encoding '{name}' locale 'C' template template0"
                ends.append(stack.enter_context(connect(route, fresh_database(route, options=options))))
            return Pair(*ends, encoding=encoding)

        yield make


@pytest.fixture(scope="module")
def databases(source_route: Route, target_route: Route) -> Iterator[tuple[Route, Route]]:
    """Make a database on either server, for all tests that need no other encoding."""
    for route in (source_route, target_route):
        create_database(route, "copying", "encoding 'UTF8' locale 'C' template template0")
    yield source_route, target_route
    for route in (source_route, target_route):
        drop_database(route, "copying")


@pytest.fixture
def pair(databases: tuple[Route, Route]) -> Iterator[Pair]:
    """Two databases with an empty schema public."""
    with connect(databases[0], "copying") as source, connect(databases[1], "copying") as target:
        pair = Pair(source, target)
        pair.on_both("drop schema public cascade", "create schema public", "grant usage on schema public to public")
        yield pair


class TestRows:
    def test_are_counted(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, b text)")
        pair.on_source("insert into public.t select g, repeat('x', g) from generate_series(1, 100) g")
        result = pair.copy("t", "a", "b")
        assert (result.rows, result.failures, result.deviations) == (100, (), ())
        assert result.bytes == pair.bytes > 5050

    def test_of_a_table_without_columns_arrive(self, pair: Pair) -> None:
        pair.on_both("create table public.t ()")
        pair.on_source("insert into public.t default values", "insert into public.t default values")
        assert pair.copy("t").rows == 2
        assert pair.rows("t") == [(), ()]

    def test_of_a_table_of_generated_columns_alone_arrive(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int generated always as (7) stored)")
        pair.on_source("insert into public.t default values")
        assert pair.copy("t").rows == 1
        assert pair.rows("t") == [(7,)]

    def test_are_frozen_at_once(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source("insert into public.t values (1)")
        pair.copy("t", "a")
        pair.on_target("vacuum public.t")
        visible = pair.target.execute("select relallvisible from pg_class where relname = 't'").fetchone()
        assert visible == (1,)

    def test_are_not_frozen_where_it_does_not_pay(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source("insert into public.t values (1)")
        file = "select pg_relation_filenode('public.t') as file"
        before = pair.target.execute(file).fetchone()
        pair.copy("t", "a", freeze=False)
        assert pair.rows("t") == [(1,)]
        assert pair.target.execute(file).fetchone() == before

    def test_of_a_part_arrive_where_there_is_a_filter(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, b text)")
        pair.on_source("insert into public.t values (1, 'x'), (2, 'y'), (3, 'z')")
        assert pair.copy("t", "a", "b", filter="a > 1 -- not the first").rows == 2
        assert pair.rows("t") == [(2, "y"), (3, "z")]

    def test_of_an_extension_arrive_beside_its_own(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, own bool)", "insert into public.t values (1, false)")
        pair.on_source("insert into public.t values (2, true), (3, true)")
        pair.copy("t", "a", "own", where="WHERE own", filter="a < 3", fresh=False)
        assert pair.rows("t") == [(1, False), (2, True)]

    def test_of_heirs_stay_with_the_heirs(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)", "create table public.heir () inherits (public.t)")
        pair.on_source("insert into public.t values (1)", "insert into public.heir values (2)")
        assert pair.copy("t", "a").rows == 1
        assert pair.copy("heir", "a", filter="true").rows == 1
        assert pair.rows("t") == [(1,), (2,)]

    def test_that_others_put_there_are_kept_and_reported(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source("insert into public.t values (1)")
        pair.on_target("insert into public.t values (2)")
        (deviation,) = pair.copy("t", "a").deviations
        assert deviation.object == "TABLE public.t"
        assert "held rows already" in deviation.message
        assert pair.rows("t") == [(2,), (1,)]

    def test_of_money_do_not_depend_on_locales(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a money)")
        pair.on_source("insert into public.t values (1234.56::numeric::money), ('-92233720368547758.08')")
        pair.copy("t", "a")
        pair.on_target("set lc_monetary = 'C'")
        assert pair.rows("t") == [("$1,234.56",), ("-$92,233,720,368,547,758.08",)]


class TestAChange:
    """What had to give way is put back, and said."""

    def test_of_a_check_leaves_it_not_valid(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, constraint small check (a < 10))")
        pair.on_source("alter table public.t drop constraint small", "insert into public.t values (1), (50), (2), (60)")
        result = pair.copy("t", "a")
        assert result.rows == 4 and result.failures == ()
        (deviation,) = result.deviations
        assert "constraint small is NOT VALID now" in deviation.message
        assert "(50)" in deviation.message and "line 2" in deviation.message
        assert definitions(pair) == [("small", "CHECK ((a < 10)) NOT VALID")]
        assert pair.rows("t") == [(1,), (50,), (2,), (60,)]

    def test_of_several_checks_leaves_all_that_hold_valid(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int check (a < 10), b int check (b < 10), c int check (c < 10))")
        pair.on_source("alter table public.t drop constraint t_a_check, drop constraint t_b_check")
        pair.on_source("insert into public.t values (50, 1, 1), (1, 60, 1)")
        assert len(pair.copy("t", "a", "b", "c").deviations) == 2
        assert [d.endswith("NOT VALID") for _, d in definitions(pair)] == [True, True, False]

    def test_of_an_inherited_check_begins_at_the_top(self, pair: Pair) -> None:
        pair.on_both(
            "create table public.top (a int, constraint small check (a < 10)) partition by range (a)",
            "create table public.t partition of public.top for values from (0) to (100)",
            "create table public.other partition of public.top for values from (100) to (200)",
        )
        pair.on_source("alter table public.top drop constraint small", "insert into public.t values (50)")
        result = pair.copy("t", "a", root=("public", "top"))
        assert result.failures == () and pair.rows("t") == [(50,)]
        assert {d for _, d in definitions(pair)} == {"CHECK ((a < 10)) NOT VALID"}

    def test_of_a_check_of_a_domain_too(self, pair: Pair) -> None:
        pair.on_both(
            "create domain public.small as int constraint is_small check (value < 10)",
            "create table public.t (a public.small)",
        )
        pair.on_source("alter domain public.small drop constraint is_small", "insert into public.t values (50)")
        assert pair.copy("t", "a").failures == ()
        assert definitions(pair) == [("is_small", "CHECK ((VALUE < 10)) NOT VALID")]

    NAMELESS = (
        "create table public.limits (top int)",
        "insert into public.limits values (10)",
        "create function public.is_small(int) returns bool language plpgsql as"
        " $$ begin return $1 < (select max(top) from limits); end $$",
        "create table public.t (a int check (public.is_small(a)))",
    )

    def test_of_the_search_path_lets_functions_find_what_they_name(self, pair: Pair) -> None:
        pair.on_both(*self.NAMELESS)
        pair.on_source("set search_path = public", "insert into public.t values (5)", "set search_path = ''")
        (deviation,) = pair.copy("t", "a").deviations
        assert 'search_path = "$user", public' in deviation.message
        assert pair.rows("t") == [(5,)]

    def test_of_the_search_path_takes_that_of_the_database(self, pair: Pair) -> None:
        pair.on_both('drop schema if exists "O\'ther" cascade', 'create schema "O\'ther"')
        pair.on_both(*self.NAMELESS, 'alter table public.limits set schema "O\'ther"')
        pair.on_source('set search_path = "O\'ther"', "insert into public.t values (5)", "set search_path = ''")
        pair.on_source('alter database copying set search_path = "O\'ther", public')
        (deviation,) = pair.copy("t", "a").deviations
        pair.on_source("alter database copying reset search_path")
        assert 'search_path = "O\'ther", public' in deviation.message
        assert pair.rows("t") == [(5,)]

    def test_of_bounds_sends_rows_through_the_root(self, pair: Pair) -> None:
        pair.on_both("create table public.top (a int) partition by range (a)")
        pair.on_source("create table public.t partition of public.top for values from (0) to (100)")
        pair.on_target("create table public.t partition of public.top for values from (0) to (50)")
        pair.on_target("create table public.more partition of public.top for values from (50) to (100)")
        pair.on_source("insert into public.t values (1), (60)")
        (deviation,) = pair.copy("t", "a", root=("public", "top")).deviations
        assert "where the target's bounds put them" in deviation.message
        assert (pair.rows("t"), pair.rows("more")) == ([(1,)], [(60,)])

    def test_of_bounds_never_costs_a_siblings_rows(self, pair: Pair) -> None:
        pair.on_both("create table public.top (a int) partition by range (a)")
        pair.on_both("create table public.t partition of public.top for values from (50) to (100)")
        pair.on_source("insert into public.t values (70)")
        pair.on_target("insert into public.top values (60)")
        result = pair.copy("t", "a", root=("public", "top"))
        assert result.deviations == ()
        assert pair.rows("t") == [(60,), (70,)]


class TestBinary:
    def test_rows_are_counted(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, b text)")
        pair.on_source("insert into public.t values (1, 'x'), (2, null)")
        assert pair.copy("t", "a", "b", format="binary").rows == 2
        assert pair.rows("t") == [(1, "x"), (2, None)]

    def test_text_is_taken_where_a_value_is_refused(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, q tsquery)")
        pair.on_source("insert into public.t values (1, 'a'), (2, '')")
        result = pair.copy("t", "a", "q", format="binary")
        (deviation,) = result.deviations
        assert "its rows went as text: malformed tsquery" in deviation.message
        assert (result.rows, pair.rows("t")) == (2, [(1, "'a'"), (2, "")])

    def test_text_is_taken_where_a_type_has_no_other_form(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a aclitem)")
        pair.on_source(f"insert into public.t values ('=r/{pair.source.info.user}')")
        (deviation,) = pair.copy("t", "a", format="binary").deviations
        assert "no binary input function" in deviation.message
        assert len(pair.rows("t")) == 1

    def test_a_check_that_is_violated_gives_way(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int, constraint small check (a < 10))")
        pair.on_source("alter table public.t drop constraint small", "insert into public.t values (50)")
        assert len(pair.copy("t", "a", format="binary").deviations) == 1
        assert pair.rows("t") == [(50,)]

    def test_a_row_that_cannot_be_converted_is_named(self, make_pair: MakePair) -> None:
        pair = make_pair("UTF8", "LATIN1")
        pair.on_both("create table public.t (id int primary key, note text)")
        pair.on_source("insert into public.t select g, case g when 421 then '€' end from generate_series(1, 900) g")
        failure = pair.failure("t", "id", "note", key=("id",), format="binary")
        assert "LATIN1" in failure.message and failure.message.endswith("it is the row (id)=(421)")

    def test_text_is_converted_by_the_target(self, make_pair: MakePair) -> None:
        pair = make_pair("UTF8", "LATIN1")
        pair.on_both("create table public.t (note text)")
        pair.on_source("insert into public.t values ('äöü')")
        pair.copy("t", "note", format="binary")
        assert pair.rows("t") == [("äöü",)]
        assert pair.target.execute("select octet_length(note) as length from public.t").fetchone() == (3,)


class TestAFailure:
    """What cannot be moved is named with side, row and remedy."""

    def test_of_a_function_is_told_with_its_cause(self, pair: Pair) -> None:
        pair.on_both(
            "create function public.refuse(int) returns bool language plpgsql as"
            " $$ begin if $1 = 3 then raise exception 'no % here', $1; end if; return true; end $$",
            "create table public.t (a int)",
        )
        pair.on_target("alter table public.t add check (public.refuse(a))")
        pair.on_source("insert into public.t select generate_series(1, 5)")
        failure = pair.failure("t", "a")
        assert failure.object == "TABLE public.t"
        assert failure.message.startswith("on the target: no 3 here")
        assert "PL/pgSQL function public.refuse(integer)" in failure.message

    def test_of_conversion_names_the_row_by_its_key(self, make_pair: MakePair) -> None:
        pair = make_pair("UTF8", "LATIN1")
        pair.on_both("create table public.t (id int primary key, region text, note text)")
        pair.on_source(
            "insert into public.t select g, 'x', case g when 421 then '€' end from generate_series(1, 900) g"
        )
        failure = pair.failure("t", "id", "note", key=("id", "region"))
        assert "0xe2 0x82 0xac" in failure.message and "LATIN1" in failure.message
        assert failure.message.endswith("it is the row (id, region)=(421, x)")
        assert "encoding UTF8" in (failure.hint or "")

    def test_of_conversion_names_the_place_where_there_is_no_key(self, make_pair: MakePair) -> None:
        pair = make_pair("UTF8", "LATIN1")
        pair.on_both("create table public.t (note text)")
        pair.on_source("insert into public.t values ('a'), ('b'), ('€')")
        assert pair.failure("t", "note").message.endswith("it is the row at ctid (0,3)")

    def test_of_conversion_names_the_line_where_only_a_part_is_moved(self, make_pair: MakePair) -> None:
        pair = make_pair("UTF8", "LATIN1")
        pair.on_both("create table public.t (note text)")
        pair.on_source("insert into public.t values ('a'), ('b'), ('€')")
        failure = pair.failure("t", "note", filter="note <> 'a'")
        assert "COPY t, line 2" in failure.message and "it is the row" not in failure.message

    def test_of_bytes_without_encoding_says_so(self, make_pair: MakePair) -> None:
        pair = make_pair("SQL_ASCII", "UTF8")
        pair.on_both("create table public.t (id int, note text)")
        pair.on_source("insert into public.t values (1, 'ü'), (2, convert_from('\\xff', 'SQL_ASCII'))")
        failure = pair.failure("t", "id", "note", key=("id",))
        assert "0xff" in failure.message and failure.message.endswith("(id)=(2)")
        assert "SQL_ASCII, which holds any bytes" in (failure.hint or "")

    def test_of_a_pair_of_encodings_without_conversion_says_so(self, make_pair: MakePair) -> None:
        pair = make_pair("EUC_JP", "LATIN1")
        pair.on_both("create table public.t (note text)")
        pair.on_source("insert into public.t values ('日本')")
        failure = pair.failure("t", "note")
        assert "EUC_JP" in failure.message and "UTF8" in (failure.hint or "")

    def test_of_a_policy_is_no_silent_loss(self, pair: Pair, fresh_role: str) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source("insert into public.t values (1)", "alter table public.t enable row level security")
        pair.on_source(f"grant select on public.t to {fresh_role}", f"set role {fresh_role}")
        failure = pair.failure("t", "a")
        pair.on_source("reset role", f"drop owned by {fresh_role}")
        assert failure.message.startswith("on the source: ")
        assert "bypassrls" in (failure.hint or "")

    def test_of_a_missing_grant_says_which(self, pair: Pair, fresh_role: str) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source(f"set role {fresh_role}")
        failure = pair.failure("t", "a")
        pair.on_source("reset role")
        assert failure.message.startswith("on the source: permission denied")
        assert failure.hint == "grant select on public.t to mover"

    def test_of_a_missing_grant_on_the_schema_says_so(self, pair: Pair, fresh_role: str) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source("revoke usage on schema public from public", f"set role {fresh_role}")
        assert pair.failure("t", "a").hint == "grant usage on schema public to mover"

    def test_of_a_missing_table_leaves_both_sessions_usable(self, pair: Pair) -> None:
        pair.on_target("create table public.t (a int)")
        assert "does not exist" in pair.failure("t", "a").message
        assert pair.source.execute("select 1 as one").fetchone() == (1,)


class TestWhatIsNotTheTablesFault:
    def test_a_wish_to_stop_goes_on_to_the_engine(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_source("insert into public.t values (1)")
        pair.wish = Interrupted("the task was stopped")
        with pytest.raises(Interrupted):
            pair.copy("t", "a")
        assert pair.rows("t") == []

    def test_a_cancelled_query_does_too(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_target("alter table public.t add check (pg_sleep(a) is not null)", "set statement_timeout = 100")
        pair.on_source("insert into public.t values (5)")
        with pytest.raises(psycopg.errors.QueryCanceled):
            pair.copy("t", "a")

    def test_a_broken_connection_does_too(self, pair: Pair) -> None:
        pair.on_both("create table public.t (a int)")
        pair.on_target("alter table public.t add check (pg_terminate_backend(pg_backend_pid()) or a > 0)")
        pair.on_source("insert into public.t values (5)")
        with pytest.raises(psycopg.OperationalError):
            pair.copy("t", "a")


def test_a_savepoint_undoes_what_fails_and_no_more(pair: Pair) -> None:
    pair.on_target("create table public.t (a int)")
    with pair.target.transaction():
        pair.on_target("insert into public.t values (1)")
        with pytest.raises(psycopg.errors.DivisionByZero), savepoint(pair.target):
            pair.on_target("insert into public.t values (2)", "select 1 / 0")
    assert pair.rows("t") == [(1,)]


def test_arguments_leave_out_what_is_as_usual() -> None:
    table = Table(schema="s", name="t", columns=("a",), encoding="UTF8", key=("a",))
    assert arguments(table) == {"schema": "s", "name": "t", "columns": ["a"], "encoding": "UTF8", "key": ["a"]}
    assert Table(**{**arguments(table), "columns": ("a",), "key": ("a",)}) == table


@pytest.fixture
def fresh_role(source_route: Route) -> Iterator[str]:
    name = "copying_reader"
    with connect(source_route) as connection:
        connection.execute("drop role if exists copying_reader")
        connection.execute("create role copying_reader")
        yield name
        connection.execute("drop role if exists copying_reader")


def definitions(pair: Pair) -> list[tuple[str, str]]:
    found = pair.target.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'c' and connamespace = 'public'::regnamespace order by conname, 2"
    )
    return [tuple(row) for row in found]
