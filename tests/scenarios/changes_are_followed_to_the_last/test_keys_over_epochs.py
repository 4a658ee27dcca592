"""Tables whose rows are of different moments: a foreign key between them holds in the end, as on the source."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, Running, eventually, is_message, is_step, server_of_version
from writers import Application, hands_over

SEED = """
create table public.account (id bigint generated always as identity primary key, note text);
insert into public.account (note) select repeat('seed', 20) from generate_series(1, 100000);
create table public.visit (id bigint generated always as identity primary key, note text,
    account bigint not null references public.account);
create index visit_account on public.visit (account);
insert into public.visit (note, account) select repeat('seed', 40), 1 + n % 100000 from generate_series(1, 100000) n;
"""
# Whatever is younger, the visits or their accounts, lacks some that the other has.
WRITES = [
    "with made as (insert into public.account (note) values ('new') returning id)"
    " insert into public.visit (account) select id from made",
    "delete from public.visit where account = (select min(id) + %(n)s from public.account)",
    "delete from public.account a where id = (select min(id) + %(n)s from public.account)"
    " and not exists (select from public.visit v where v.account = a.id)",
]


PARTITIONED = """
create table public.trip (id bigint generated always as identity, note text, account bigint not null,
    foreign key (account) references public.account) partition by range (id);
create table public.trip_1 partition of public.trip for values from (1) to (1000000);
comment on constraint trip_account_fkey on public.trip is 'whose trip it is';
create index trip_account on public.trip (account);
insert into public.trip (note, account) select repeat('seed', 80), 1 + n % 100000 from generate_series(1, 100000) n;
"""
PARTITIONED_WRITES = [write.replace("public.visit", "public.trip") for write in WRITES[:2]]


@pytest.mark.parametrize("engine", ["subscription", "stream"])
def test_a_key_between_tables_of_two_epochs_arrives(
    bench: Bench, application: Callable[..., Application], engine: str
) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    late = arrives(bench, application(sessions=2, writes=WRITES), engine)
    assert late == ["FK CONSTRAINT public.visit visit_account_fkey"]


@pytest.mark.matrix
@pytest.mark.parametrize(("source", "target"), [(13, 16), (15, 18)])
def test_a_key_of_a_partitioned_table_arrives_too(source: int, target: int, tmp_path: Path) -> None:
    # Before 18 such a table takes no key that is NOT VALID.
    with ExitStack() as stack:
        servers = [stack.enter_context(server_of_version(version)) for version in (source, target)]
        bench = Bench(*servers, tmp_path)
        stack.callback(bench.close)
        bench.on_source(None, sql.SQL("create database shop"))
        bench.on_source("shop", SEED + PARTITIONED)
        is_free = "not exists (select from public.trip t where t.account = a.id) and not exists ("
        writes = [*WRITES[:2], *PARTITIONED_WRITES, WRITES[2].replace("not exists (", is_free)]
        app = Application(bench, "shop", 2, writes)
        stack.callback(app.stop)
        # The largest table was copied before the kill, the others after it.
        assert "FK CONSTRAINT public.trip trip_account_fkey" in arrives(bench, app, "subscription")
        said = "select obj_description(oid) as said from pg_constraint where conname = 'trip_account_fkey'"
        assert {row.said for row in bench.on_target("shop", said)} >= {"whose trip it is"}


ORPHAN = """
begin; set local session_replication_role = replica; insert into public.visit (account) values (-1); commit;
"""


def test_a_key_that_rows_of_the_source_violate_calls_the_completion_off(
    bench: Bench, application: Callable[..., Application]
) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    bench.on_source("shop", ORPHAN)
    app = application(sessions=2, writes=WRITES)
    running = copied_in_two_snapshots(bench, app, "stream")
    called_off = bench.run("complete", "move", "--timeout", "90s")
    assert called_off.code == 5, called_off.said
    assert "FK CONSTRAINT public.visit visit_account_fkey" in called_off.said
    assert "Key (account)=(-1) is not present" in called_off.said
    before = app.commits
    eventually(lambda: app.commits > before + 100)
    assert bench.task().state == "syncing"
    bench.on_source("shop", "delete from public.visit where account = -1")
    hands_over(bench, running, app)


def arrives(bench: Bench, app: Application, engine: str) -> list[str]:
    """Kill a task between two copies, see that the same command ends it; return the keys that came late."""
    running = copied_in_two_snapshots(bench, app, engine)
    # That it holds in the end is for completion to prove; until then it is no difference, and no gate is shut by it.
    verified = bench.run("verify", "move")
    assert verified.code == 0, verified.said
    assert "different snapshots" in verified.said
    hands_over(bench, running, app)
    with bench.journal() as journal:
        aligned = [each for found in journal.alignments("move").values() for each in found]
        validated = [each.object for each in aligned if each.message == "validated"]
        late = [each.object for each in journal.deviations("move") if "different snapshots" in each.message]
    assert sorted(validated) == sorted(label for label in late if label.startswith("FK CONSTRAINT "))
    return validated


def copied_in_two_snapshots(bench: Bench, app: Application, engine: str) -> Running:
    """Kill a task between two copies, and let it go on when the application has written; return it as it syncs."""
    stages = {"incremental": {"engine": engine}, "complete": {"fence": "read_only"}}
    ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
    migration = {"type": "full_incremental", "stages": stages}
    spec = bench.spec(**ends, migration=migration, resources={"copy": 1})
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_step("shop/full/")), running.end().said
    running.send(signal.SIGKILL)
    running.process.wait()
    before = app.commits
    eventually(lambda: app.commits > before + 300, 60)
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    with bench.journal() as journal:
        assert {step.epoch for step in journal.steps("move") if step.stage == "full"} == {1, 2}
    before = app.commits
    eventually(lambda: app.commits > before + 100)
    return running


def test_a_key_that_was_dropped_meanwhile_stays_dropped(bench: Bench, application: Callable[..., Application]) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    app = application(sessions=1, writes=WRITES)
    stages = {"incremental": {"engine": "stream"}, "complete": {"fence": "read_only"}}
    running = bench.start(bench.spec(migration={"type": "full_incremental", "stages": stages}), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    bench.on_source("shop", "alter table public.visit drop constraint visit_account_fkey")
    eventually(lambda: "visit_account_fkey" in bench.run("repair", "move", "--list").said, 40)
    asked = bench.run("repair", "move")
    assert asked.code == 0, asked.said
    hands_over(bench, running, app)
    assert bench.on_target("shop", "select conname from pg_constraint where contype = 'f'") == []
