"""The fence holds writers, names what it cannot hold, and goes away without a trace."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg
import pytest

from dtsrun.api import Connection, Route
from dtsrun.completion.fence import Fence, FenceMode
from dtsrun.completion.sessions import Exempt, sessions
from dtsrun.errors import MigrationError
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase

READ_ONLY = Fence(mode=FenceMode.READ_ONLY)
CONNECTIONS = Fence(mode=FenceMode.CONNECTIONS)


@pytest.fixture
def shop(source_route: Route, role: Callable[..., Route], fresh_database: FreshDatabase) -> str:
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.orders (id int)")
        connection.execute("grant all on schema public to public; grant all on public.orders to public")
    return name


@pytest.fixture
def source(source_route: Route) -> Iterator[Connection]:
    with connect(source_route, purpose="completion") as connection:
        yield connection


@contextmanager
def application(route: Route, database: str, name: str = "billing") -> Iterator[psycopg.Connection]:
    """A session of somebody else: without the settings of ours."""
    with psycopg.connect(route.conninfo(database), application_name=name, autocommit=True) as connection:
        yield connection


def settings(source: Connection, database: str) -> tuple[object, ...]:
    """All of a database that a fence may change."""
    row = source.execute(
        "select (select array_agg(c order by c) from pg_db_role_setting, unnest(setconfig) c where setdatabase = d.oid)"
        ", (select array_agg(a::text order by a::text) from aclexplode(coalesce(datacl, acldefault('d', datdba))) a),"
        " datconnlimit, datallowconn from pg_database d where datname = %s",
        [database],
    ).fetchone()
    assert row is not None
    return tuple(row)


def test_read_only_ends_writers_and_lets_new_sessions_read_alone(source, shop, role, journal):
    app = role()
    before = settings(source, shop)
    with application(app, shop) as old:
        old.execute("insert into public.orders values (1)")
        fenced = READ_ONLY.raise_around(source, [shop], journal)
        with pytest.raises(psycopg.OperationalError):
            old.execute("insert into public.orders values (2)")
    assert [(s.role, s.application) for s in fenced.ended] == [(app.parameters["user"], "billing")]
    assert (fenced.residual, fenced.to_run) == ((), ())
    with application(app, shop) as new:
        assert new.execute("select id from public.orders").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            new.execute("insert into public.orders values (3)")
        journal.undo(source)
        # It would have stayed read-only for as long as it lasted.
        with pytest.raises(psycopg.OperationalError):
            new.execute("select 1")
    assert settings(source, shop) == before
    with application(app, shop) as new:
        new.execute("insert into public.orders values (4)")


def test_connections_locks_everybody_out_but_us_and_exempt_roles(source, shop, role, journal, source_route):
    app, report, clerk = role(), role(), role()
    source.execute(f'grant connect on database "{shop}" to "{clerk.parameters["user"]}" with grant option'.encode())
    with connect(clerk, shop) as granting:
        granting.execute(f'grant connect on database "{shop}" to "{app.parameters["user"]}"'.encode())
    before = settings(source, shop)
    fence = replace(CONNECTIONS, exempt=Exempt(roles=(str(report.parameters["user"]),)))
    with application(app, shop) as old:
        fenced = fence.raise_around(source, [shop], journal)
        with pytest.raises(psycopg.OperationalError):
            old.execute("select 1")
    assert fenced.residual == ()
    for route in (app, clerk):
        with pytest.raises(psycopg.OperationalError, match="does not have CONNECT privilege"):
            psycopg.connect(route.conninfo(shop))
    for route in (report, source_route):
        connect(route, shop).close()
    fence.raise_around(source, [shop], journal)
    journal.undo(source)
    assert settings(source, shop) == before
    connect(app, shop).close()


def test_the_value_that_was_there_comes_back_also_after_a_second_raising(source, shop, journal):
    source.execute(f'alter database "{shop}" set default_transaction_read_only = off'.encode())
    before = settings(source, shop)
    for _ in range(2):
        READ_ONLY.raise_around(source, [shop], journal)
        assert "default_transaction_read_only=on" in settings(source, shop)[0]
    assert len(journal.undos) == 1
    journal.undo(source)
    assert settings(source, shop) == before


def test_a_database_that_its_owner_closed_already_is_not_opened_afterwards(source, shop, journal):
    source.execute(f'alter database "{shop}" set default_transaction_read_only = on'.encode())
    READ_ONLY.raise_around(source, [shop], journal)
    assert journal.undos == {}


def test_it_is_journaled_before_it_is_made(source, shop):
    seen = []

    def created(side, what, name, database=None, undo=None):
        seen.append((side, what, name, undo.partition("; commit; ")[0], settings(source, shop)[0]))

    READ_ONLY.raise_around(source, [shop], created)
    undo = f'begin; alter database "{shop}" reset default_transaction_read_only'
    assert seen == [("source", "fence", f"read_only of {shop}", undo, None)]


def test_what_may_still_write_is_named(source, shop, role, journal):
    app, vip = role(), role()
    source.execute(f'alter role "{vip.parameters["user"]}" set default_transaction_read_only = off'.encode())
    with ExitStack() as stack:
        batch = stack.enter_context(application(app, shop, "batch 7"))
        other = stack.enter_context(application(app, shop))
        other.execute("begin; insert into public.orders values (1); prepare transaction 'left'")
        fence = replace(READ_ONLY, exempt=Exempt(applications=("batch *",)))
        fenced = fence.raise_around(source, [shop], journal)
        batch.execute("insert into public.orders values (2)")
        pid = batch.info.backend_pid
        # Behind a container's bridge it is not the one that the client has.
        address = batch.execute("select host(inet_client_addr())").fetchone()[0]
    # One that stays after a failure holds up all slots of the server.
    with connect(app, shop) as again:
        again.execute("rollback prepared 'left'")
    told = {residual.who.partition(",")[0]: (residual.why, residual.sql) for residual in fenced.residual}
    prepared = f"prepared transaction 'left' of {app.parameters['user']}"
    assert told == {
        f"pid {pid} of {app.parameters['user']} (batch 7) from {address}": (
            "is exempt from the fence",
            f"select pg_terminate_backend({pid})",
        ),
        prepared: ("can be committed at any time", "rollback prepared 'left'"),
        f"role {vip.parameters['user']}": (
            "has default_transaction_read_only = off of its own, which weighs more than the database's",
            None,
        ),
    }
    journal.undo(source)


def test_an_account_without_the_right_is_told_what_to_run(shop, role, journal, source):
    plain, app = role(), role()
    before = settings(source, shop)
    with connect(plain, shop, purpose="completion") as weak, application(app, shop) as old:
        fenced = replace(READ_ONLY, wait=0.3).raise_around(weak, [shop], journal)
        old.execute("select 1")
        pid = old.info.backend_pid
    assert fenced.to_run == (
        f'alter database "{shop}" set default_transaction_read_only = on',
        f"select pg_terminate_backend({pid})",
    )
    assert [r.why for r in fenced.residual] == ["began before the fence"]
    assert journal.undos == {}
    assert settings(source, shop) == before


def test_the_owner_needs_no_superuser(shop, role, journal, source):
    owner, app = role("in role pg_signal_backend"), role()
    source.execute(f'alter database "{shop}" owner to "{owner.parameters["user"]}"'.encode())
    for fence in (READ_ONLY, CONNECTIONS):
        with connect(owner, shop, purpose="completion") as own, application(app, shop):
            before = settings(source, shop)
            fenced = fence.raise_around(own, [shop], journal)
            assert (len(fenced.ended), fenced.to_run) == (1, ())
            journal.undo(own)
            assert settings(source, shop) == before
    source.execute(f'alter database "{shop}" owner to current_user'.encode())


def test_superusers_are_named_where_connections_are_closed(shop, role, journal, source):
    root = role("superuser")
    fenced = CONNECTIONS.raise_around(source, [shop], journal)
    (residual,) = [r for r in fenced.residual if r.who.startswith("superusers")]
    assert root.parameters["user"] in residual.who
    connect(root, shop).close()
    journal.undo(source)


def test_without_a_fence_nothing_changes_and_everybody_is_named(shop, role, journal, source):
    before = settings(source, shop)
    with application(role(), shop) as old:
        fenced = Fence().raise_around(source, [shop], journal)
        old.execute("insert into public.orders values (1)")
    assert [r.why for r in fenced.residual] == ["is connected, and there is no fence"]
    assert (journal.undos, settings(source, shop)) == ({}, before)


def test_an_exempt_role_that_nobody_has_is_an_error(source, shop, journal):
    with pytest.raises(MigrationError, match="no role is called 'nobody_has_it'"):
        replace(CONNECTIONS, exempt=Exempt(roles=("nobody_has_it",))).raise_around(source, [shop], journal)
    assert journal.undos == {}


def test_our_own_sessions_stay(source, shop, journal, source_route):
    with connect(source_route, shop, purpose="following") as ours:
        READ_ONLY.raise_around(source, [shop], journal)
        assert ours.execute("select 1 as one").fetchone().one == 1
        assert [s.is_ours for s in sessions(source, [shop])] == [True]
    journal.undo(source)


def test_a_session_that_comes_while_the_fence_is_raised_does_not_write(source, shop, role, journal):
    """Sessions are opened all the time; each either reads the fence or is ended."""
    app, wrote = role(), []
    with ExitStack() as stack:
        opened = [stack.enter_context(application(app, shop)) for _ in range(5)]
        fenced = READ_ONLY.raise_around(source, [shop], journal)
        opened += [stack.enter_context(application(app, shop)) for _ in range(5)]
        time.sleep(0.1)
        for connection in opened:
            try:
                connection.execute("insert into public.orders values (9)")
                wrote.append(connection)
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction):
                pass
    assert (wrote, len(fenced.ended)) == ([], 5)
    journal.undo(source)
