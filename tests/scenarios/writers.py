"""An application that goes on writing while its database moves."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import psycopg
from psycopg import sql
from runs import Bench, Running

SEED = """
create table public.account (id int primary key, balance numeric not null, note text, doc jsonb);
create table public.entry (id bigint generated always as identity primary key, account int references public.account,
    amount numeric, at timestamptz default clock_timestamp());
create table public.log (account int, what text);
create table public.tag (a int not null, b int not null, c text);
create unique index tag_ab on public.tag (a, b);
create table public.paper (account int, body json);
create unlogged table public.cache (k int primary key, v text);
create table public.day (id int, on_day date, v text, primary key (id, on_day)) partition by range (on_day);
create table public.day_1 partition of public.day for values from ('2026-01-01') to ('2026-07-01');
create table public.day_2 partition of public.day for values from ('2026-07-01') to ('2027-01-01');
create materialized view public.total as select account, sum(amount) as total from public.entry group by account;
create sequence public.invoice;
insert into public.account select n, 0, repeat('x', 3000), '{"a": [1, 2]}' from generate_series(1, 200) n;
insert into public.entry (account, amount) select 1 + n % 200, n from generate_series(1, 20000) n;
insert into public.log select n % 200, 'seed' from generate_series(1, 500) n;
insert into public.tag select n, n, 'seed' from generate_series(1, 200) n;
insert into public.paper select n, '{"b": 1}' from generate_series(1, 200) n;
insert into public.cache select n, 'seed' from generate_series(1, 100) n;
insert into public.day select n, date '2026-01-01' + n % 360, 'seed' from generate_series(1, 400) n;
refresh materialized view public.total;
select lo_from_bytea(70000 + n, decode(repeat('ab', n), 'hex')) from generate_series(1, 20) n;
"""

WRITES: list[str] = [
    "update public.account set balance = balance + 1 where id = %(n)s",
    "update public.account set note = note || 'y' where id = %(n)s",
    "insert into public.entry (account, amount) values (%(n)s, 1)",
    "delete from public.entry where id = (select min(id) from public.entry where account = %(n)s)",
    "insert into public.log values (%(n)s, 'written')",
    "update public.log set what = 'changed' where account = %(n)s",
    "delete from public.log where account = %(n)s",
    "update public.tag set c = c || '1', b = b + 1000 where a = %(n)s",
    "insert into public.paper values (%(n)s, '{\"c\": 2}')",
    "update public.cache set v = v || '1' where k = %(n)s",
    "update public.day set on_day = case on_day when '2026-02-01' then date '2026-08-01' else '2026-02-01' end"
    " where id = %(n)s and not exists (select from public.day d where d.id = %(n)s and d.on_day in"
    " ('2026-02-01', '2026-08-01'))",
    "select nextval('public.invoice')",
    "select lo_put(70000 + 1 + %(n)s %% 20, 0, 'cd')",
    "truncate public.paper",
]


PAUSE_SECONDS = 0.01
"""Between two transactions of a session: an application that leaves the servers room for other work."""

REFUSED = (
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,
    psycopg.errors.InternalError,  # two sessions write to one large object
)
"""What an application of many sessions has to bear."""


class Application:
    """Sessions that write until they are told to stop, or the source refuses them."""

    def __init__(self, bench: Bench, database: str, sessions: int, writes: Sequence[str] = WRITES) -> None:
        self._bench = bench
        self._database = database
        self._writes = writes
        self._stop = threading.Event()
        self.commits = 0
        self.refusals: list[str] = []
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(sessions)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop all sessions, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        while not self._stop.is_set():
            try:
                # As an application connects: with whatever the database has set for it.
                conninfo = self._bench.source.route.conninfo(self._database)
                with psycopg.connect(conninfo, autocommit=True, application_name="shop") as connection:
                    self._transactions(connection, chance)
            except (psycopg.OperationalError, psycopg.Rollback) as error:  # the second: lost while it rolled back
                self.refusals.append(str(error))
                self._stop.wait(0.05)

    def _transactions(self, connection: psycopg.Connection, chance: random.Random) -> None:
        while not self._stop.is_set():
            try:
                with connection.transaction():
                    for statement in chance.sample(self._writes, 3):
                        connection.execute(statement, {"n": chance.randint(1, 200)})
                        if chance.random() < 0.02:
                            raise psycopg.Rollback
                self.commits += 1
            except (
                psycopg.errors.ReadOnlySqlTransaction,
                psycopg.errors.DeadlockDetected,
                psycopg.errors.InternalError,
            ) as error:
                self.refusals.append(str(error))
                self._stop.wait(0.05)
            self._stop.wait(PAUSE_SECONDS)


def hands_over(bench: Bench, running: Running, *applications: Application) -> None:
    """Complete a task while applications write; see that both ends of `shop` are equal, and that nothing is left."""
    asked = bench.run("complete", "move", "--timeout", "90s")
    assert asked.code == 0, asked.said
    done = running.end()
    assert done.code == 0, done.said
    for app in applications:
        app.stop()
    bench.on_source(None, sql.SQL("alter database shop reset default_transaction_read_only"))
    if bench.on_source("shop", "select 1 as found from pg_matviews where matviewname = 'total'"):
        bench.on_source("shop", "refresh materialized view public.total")
    assert bench.differences() == []
    assert bench.leftovers() == {}
    assert bench.on_source("shop", "select pubname from pg_publication") == []
