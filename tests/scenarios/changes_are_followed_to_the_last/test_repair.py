"""New tables, new partitions and altered tables are copied and followed by `dtsrun repair`, while the application
writes to them."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from runs import Bench, Running, eventually, is_message, is_step
from writers import SEED, Application, hands_over

Start = Callable[..., Application]

NEW_TABLE = """
create table public.visit (id bigint generated always as identity primary key, account int references public.account,
    at timestamptz default clock_timestamp());
create index visit_account on public.visit (account);
insert into public.visit (account) select 1 + n % 200 from generate_series(1, 5000) n;
"""
NEW_PARTITION = """
create table public.day_3 partition of public.day for values from ('2027-01-01') to ('2028-01-01');
insert into public.day select 1000 + n, date '2027-01-01' + n % 300, 'new' from generate_series(1, 300) n;
"""
# What the clock says is known to the source alone: the statement alone does not make the target's rows equal.
NEW_COLUMN = "alter table public.account add column seen timestamptz not null default clock_timestamp()"

VISITS = [
    "insert into public.visit (account) values (%(n)s)",
    "update public.visit set at = clock_timestamp() where id = %(n)s",
    "delete from public.visit where id = (select max(id) from public.visit where account = %(n)s)",
]
DAYS = ["update public.day set v = v || 'y' where id = 1000 + %(n)s"]
ACCOUNTS = [
    "update public.account set seen = clock_timestamp(), balance = balance + 1 where id = %(n)s",
    "insert into public.entry (account, amount) values (%(n)s, 2)",
    "update public.tag set c = c || '1' where a = %(n)s",
]


@pytest.fixture(params=["subscription", "stream"])
def engine(request: pytest.FixtureRequest) -> str:
    """What carries the changes."""
    return str(request.param)


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A source with a shop."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    return bench


def following(bench: Bench, engine: str, **incremental: Any) -> Path:
    stages = {"incremental": {"engine": engine, **incremental}, "complete": {"fence": "read_only"}}
    migration = {"type": "full_incremental", "stages": stages}
    # A column that the target has not got is refused until it is repaired, which is waited for so long.
    return bench.spec(
        source=bench.endpoint(bench.source),
        target=bench.endpoint(bench.target),
        migration=migration,
        settings={"retry": {"for": "5m"}},
    )


def syncing(bench: Bench, spec: Path) -> Running:
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    return running


def listed(bench: Bench) -> str:
    return bench.run("repair", "move", "--list").said


def drifts(bench: Bench, *said: str) -> None:
    """Wait until drifts were told."""
    eventually(lambda: all(each in listed(bench) for each in said), 40)


def writes_on(app: Application, count: int = 60) -> None:
    before = app.commits
    eventually(lambda: app.commits > before + count)


def test_what_came_and_what_changed_is_copied_and_followed(shop: Bench, application: Start, engine: str) -> None:
    apps = [application(sessions=1)]
    running = syncing(shop, following(shop, engine))
    for statement in (NEW_TABLE, NEW_PARTITION, NEW_COLUMN):
        shop.on_source("shop", statement)
    apps.append(application(sessions=1, writes=VISITS))
    apps.append(application(sessions=1, writes=[*ACCOUNTS, *DAYS]))
    drifts(shop, "public.visit is new", "public.day_3 is new", "column seen")
    kept = shop.run("complete", "move", "--timeout", "4s")
    assert kept.code == 5, kept.said
    assert running.process.poll() is None, running.end().said
    asked = shop.run("repair", "move")
    assert asked.code == 0, asked.said
    for table in ("visit", "day_3", "account"):
        assert f"table public.{table} was copied and is followed" in asked.said
    assert "public." not in listed(shop)
    for app in apps:
        writes_on(app)
    # A column that every server knows the value of needs no copy.
    shop.on_source("shop", "alter table public.visit add column kind text")
    drifts(shop, "column kind")
    asked = shop.run("repair", "move")
    assert asked.code == 0, asked.said
    assert "table public.visit is mended" in asked.said
    shop.on_source("shop", "update public.visit set kind = 'x' where id % 2 = 0")
    hands_over(shop, running, *apps)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("engine", "moment"),
    [
        ("subscription", is_message("to be copied")),
        ("stream", is_step("shop/full/public.account anew", "running")),
    ],
    ids=["as it begins", "amid the copy"],
)
def test_killed_amid_a_repair_it_continues(
    shop: Bench, application: Start, engine: str, moment: Callable[[dict[str, Any]], bool]
) -> None:
    apps = [application(sessions=1)]
    running = syncing(shop, spec := following(shop, engine))
    shop.on_source("shop", NEW_TABLE)
    shop.on_source("shop", NEW_COLUMN)
    apps += [application(sessions=1, writes=VISITS), application(sessions=1, writes=ACCOUNTS)]
    drifts(shop, "public.visit is new", "column seen")
    asking = threading.Thread(target=shop.run, args=("repair", "move"))
    asking.start()
    assert running.wait_for(moment), running.end().said
    running.send(signal.SIGKILL)
    running.end()
    asking.join()
    again = syncing(shop, spec)
    eventually(lambda: "public." not in listed(shop), 40)
    for app in apps:
        writes_on(app)
    hands_over(shop, again, *apps)
