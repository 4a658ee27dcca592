"""A shop whose changes are followed by a subscription of the target's server."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from psycopg import sql

from dtsrun.api import Connection, Link, LinkStatus, LinkTable, Route
from dtsrun.incremental.slots import drop_slot
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeEngineContext
from dtsrun.testing.servers import FreshDatabase
from dtsrun_plugins.engines.subscription import Subscription

SHOP = (
    "create table public.orders (id int primary key, note text)",
    "create table public.items (id int primary key, note text)",
    "create table public.aside (id int primary key)",
)


@dataclass
class Followed:
    """A database on both ends, and the link between them."""

    context: FakeEngineContext
    link: Link
    engine: Subscription = field(default_factory=Subscription)

    @property
    def database(self) -> str:
        return self.link.database

    @property
    def source(self) -> Connection:
        return self.context.source(self.database)

    @property
    def target(self) -> Connection:
        return self.context.target(self.database)

    def status(self) -> LinkStatus:
        return self.engine.status(self.context, self.link)

    def statuses(self) -> list[LinkStatus]:
        return [self.status()]

    def start(self) -> None:
        self.engine.start(self.context, self.link)

    def stop(self) -> None:
        self.engine.stop(self.context, self.link)


@pytest.fixture
def until() -> Callable[..., None]:
    def wait(holds: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)

    return wait


@pytest.fixture
def follow(fresh_database: FreshDatabase) -> Iterator[Callable[..., Followed]]:
    """Follow a fresh shop from one server to another."""
    made: list[Followed] = []

    def begin(source: Route, target: Route) -> Followed:
        databases = {fresh_database(source): fresh_database(target)}
        context = FakeEngineContext(source=source, target=target, databases=databases)
        [database] = databases
        for statement in SHOP:
            context.source(database).execute(statement.encode())
            context.target(database).execute(statement.encode())
        followed = Followed(context, _link(context, database))
        made.append(followed)
        return followed

    yield begin
    for followed in made:
        followed.engine.remove(followed.context, followed.link)
        drop_slot(followed.source, followed.link.name)
        followed.context.__exit__(None, None, None)


def _link(context: FakeEngineContext, database: str) -> Link:
    name, source = f"dtsrun_{database}", context.source(database)
    source.execute(sql.SQL("create publication {} for table public.orders, public.items").format(sql.Identifier(name)))
    row = source.execute("select lsn::text from pg_create_logical_replication_slot(%s, 'pgoutput')", [name]).fetchone()
    assert row is not None
    oids = source.execute("select 'public.orders'::regclass::oid as orders, 'public.items'::regclass::oid as items")
    found = oids.fetchone()
    assert found is not None
    return Link(
        name=name,
        database=database,
        epoch=1,
        publications=(name,),
        start_lsn=parse_lsn(row.lsn),
        tables=(
            LinkTable(oid=found.orders, schema="public", name="orders"),
            LinkTable(oid=found.items, schema="public", name="items"),
        ),
    )


@pytest.fixture
def followed(follow: Callable[..., Followed], source_route: Route, target_route: Route) -> Followed:
    return follow(source_route, target_route)


@pytest.fixture
def role(source_route: Route) -> Iterator[Callable[..., Route]]:
    """Make a role on the source, and give the route by which it logs in."""
    made: list[str] = []

    def create(attributes: str = "", name: str | None = None) -> Route:
        chosen = name or f"r_{uuid.uuid4().hex[:10]}"
        with connect(source_route) as connection:
            statement = sql.SQL("create role {} login password 'secret' ").format(sql.Identifier(chosen))
            connection.execute(statement + sql.SQL(attributes))
        made.append(chosen)
        return replace(source_route, parameters={**source_route.parameters, "user": chosen, "password": "secret"})

    yield create
    with connect(source_route) as connection:
        for name in made:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [name])
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)).as_string())


@pytest.fixture
def journal() -> "Journaled":
    return Journaled()


class Journaled:
    """Remembers what a fence changes, as the journal does: the first word on a thing stays."""

    def __init__(self) -> None:
        self.undos: dict[tuple[Any, ...], str | None] = {}

    def __call__(self, side: str, what: str, name: str, database: str | None = None, undo: str | None = None) -> None:
        self.undos.setdefault((side, what, name, database), undo)

    def undo(self, source: Connection) -> None:
        for statement in reversed(self.undos.values()):
            assert statement is not None
            source.execute(statement.encode())
        self.undos.clear()
