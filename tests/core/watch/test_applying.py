"""A change that the target refuses is named: table, key, what was to be done, and why."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from replicated import MakeReplicated, Replicated, wait_until

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.watch.applying import ApplyError, Policy, diagnose_apply_error, react
from dtsrun.watch.positions import current_position

ROWS = "select id, note from orders"


def followed(pair: Replicated):
    pair.on_both("create table orders (id int primary key, note text)")
    link = pair.follow("orders")
    wait_until(lambda: pair.worker() and pair.applied() >= current_position(pair.source))
    pair.source.execute("insert into orders values (1, 'one')")
    wait_until(lambda: pair.target.execute("select from orders").rowcount == 1)
    return link


@pytest.mark.parametrize(
    ("on_target", "on_source", "operation", "key", "words"),
    [
        (
            "insert into orders values (7, 'theirs')",
            "insert into orders values (6), (7)",
            "insert",
            "id = 7",
            "duplicate",
        ),
        (
            "create unique index on orders (note)",
            "insert into orders values (8, 'one')",
            "insert",
            "id = 8",
            "duplicate",
        ),
        ("alter table orders add check (note <> 'bad')", "update orders set note = 'bad'", "update", "id = 1", "check"),
        ("alter table orders drop note", "insert into orders values (9, 'x')", "insert", "id = 9", "column"),
        ("drop table orders", "delete from orders", "delete", "id = 1", "does not exist"),
        (
            "alter table orders alter note set not null",
            "insert into orders values (3)",
            "insert",
            "id = 3",
            "null value",
        ),
    ],
)
def test_the_offending_row_is_named(
    pair: Replicated, on_target: str, on_source: str, operation: str, key: str, words: str
) -> None:
    link = followed(pair)
    pair.target.execute(on_target)
    pair.source.execute(on_source)
    written = current_position(pair.source)

    def found() -> ApplyError | None:
        return diagnose_apply_error(pair.source, pair.target, link)

    wait_until(lambda: found() is not None)
    error = found()
    assert error is not None
    assert (error.table, error.operation, error.key) == ("public.orders", operation, key)
    assert words in error.cause
    assert error.remedy
    assert f"{operation} of public.orders where {key} is refused by the target" in error.message
    # Looking has let nothing pass, and left nothing.
    assert pair.applied() < written
    assert pair.source.execute("select from pg_replication_slots where slot_name like 'dtsrun_look%'").rowcount == 0


@pytest.mark.parametrize(
    ("on_source", "operation"), [("update orders set note = 'new'", "update"), ("delete from orders", "delete")]
)
@pytest.mark.parametrize(
    ("lose", "cause"),
    [
        ("alter table orders drop constraint orders_pkey", "neither a primary key nor a replica identity"),
        (
            "alter table orders drop constraint orders_pkey, add primary key (note)",
            r"its key there is \(note\), and the source tells rows by \(id\)",
        ),
    ],
)
def test_a_table_that_lost_its_identity_is_named_and_the_remedy_mends_it(
    pair: Replicated, lose: str, cause: str, on_source: str, operation: str
) -> None:
    link = followed(pair)
    pair.target.execute(lose)
    pair.source.execute(on_source)
    error = wait_until(lambda: diagnose_apply_error(pair.source, pair.target, link))
    assert (error.table, error.operation, error.key) == ("public.orders", operation, "id = 1")
    assert re.search(cause, error.cause)
    assert error.remedy.startswith("run on the target: ")
    pair.target.execute(error.remedy.removeprefix("run on the target: "))
    wait_until(lambda: pair.applied() >= current_position(pair.source))
    assert pair.target.execute(ROWS).fetchall() == pair.source.execute(ROWS).fetchall()
    assert diagnose_apply_error(pair.source, pair.target, link) is None


def test_whole_rows_need_no_key_on_the_target(pair: Replicated) -> None:
    pair.on_both("create table notes (note text)", "alter table notes replica identity full")
    link = pair.follow("notes")
    pair.source.execute("insert into notes values ('a')")
    pair.source.execute("delete from notes")
    assert diagnose_apply_error(pair.source, pair.target, link) is None


def test_mended_it_is_applied_and_nothing_is_wrong(pair: Replicated) -> None:
    link = followed(pair)
    pair.target.execute("insert into orders values (7, 'theirs')")
    pair.source.execute("insert into orders values (7, 'ours')")
    wait_until(lambda: diagnose_apply_error(pair.source, pair.target, link) is not None)
    pair.target.execute("delete from orders where id = 7")
    wait_until(lambda: pair.target.execute("select from orders where note = 'ours'").rowcount == 1)
    assert diagnose_apply_error(pair.source, pair.target, link) is None


def test_a_lock_is_transient_and_retried_before_the_policy_speaks(pair: Replicated) -> None:
    link = followed(pair)
    with connect(pair.target_route, pair.names[1], autocommit=False) as holder:
        holder.execute("lock table public.orders in access exclusive mode")
        pair.source.execute("insert into orders values (2)")
        error = diagnose_apply_error(pair.source, pair.target, link)
    assert error is not None
    assert error.is_transient
    assert react(Policy.STOP, error, attempts=1) is Policy.RETRY
    assert react(Policy.STOP, error, attempts=10) is Policy.STOP


def test_what_time_does_not_heal_is_the_policys() -> None:
    error = ApplyError(table="public.t", key="", operation="insert", cause="no", remedy="yes")
    assert [react(policy, error, attempts=0) for policy in Policy] == list(Policy)


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_names_the_row(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(18))
    link = followed(pair)
    pair.target.execute("insert into orders values (7, 'theirs')")
    pair.source.execute("insert into orders values (7, 'ours')")
    if version < 12:
        # A slot cannot be copied: it is read when nobody holds it.
        pair.target.execute(f'alter subscription "{link.name}" disable')
        wait_until(lambda: not pair.is_active(link.name))
    error = diagnose_apply_error(pair.source, pair.target, link)
    assert error is not None
    assert error.key == "id = 7"
