"""A link that does not move is explained by what both ends wait for."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from replicated import MakeReplicated, Replicated, wait_until

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.watch.positions import current_position
from dtsrun.watch.stalls import Standstill, diagnose_stall


def test_standing_still_is_not_being_idle() -> None:
    now = 0.0
    still = Standstill(lambda: now)
    assert still.seconds(100, applied=100) == 0
    now = 50.0
    assert still.seconds(100, applied=100) == 0
    now = 60.0
    assert still.seconds(200, applied=100) == 10
    now = 90.0
    assert still.seconds(200, applied=100) == 40
    assert still.seconds(200, applied=150) == 0


def followed(pair: Replicated):
    pair.on_both("create table orders (id int primary key, note text)")
    link = pair.follow("orders")
    wait_until(lambda: pair.worker() and pair.is_active(link.name) and pair.applied() >= current_position(pair.source))
    return link


def test_whoever_locks_the_table_is_named(pair: Replicated) -> None:
    link = followed(pair)
    with connect(pair.target_route, pair.names[1], autocommit=False) as holder:
        holder.execute("lock table public.orders in access exclusive mode")
        pair.source.execute("insert into orders values (1)")

        def is_blocked() -> bool:
            return diagnose_stall(pair.source, pair.target, link, seconds=70).blocker is not None

        wait_until(is_blocked)
        stall = diagnose_stall(pair.source, pair.target, link, seconds=70)
        assert stall.blocker and stall.blocker.pid == holder.info.backend_pid
        assert stall.target_wait == "Lock:relation"
        for word in ("has applied nothing for 70 s", "relation of", "orders", "lock table", "postgres"):
            assert word in stall.message
    wait_until(lambda: pair.target.execute("select from orders").rowcount == 1)


def test_a_prepared_transaction_is_named_as_such(pair: Replicated) -> None:
    link = followed(pair)
    pair.target.execute("begin")
    pair.target.execute("lock table orders in access exclusive mode")
    pair.target.execute("insert into orders values (5)")
    pair.target.execute(f"prepare transaction '{link.name}'")
    try:
        pair.source.execute("insert into orders values (1)")
        wait_until(lambda: diagnose_stall(pair.source, pair.target, link, seconds=5).blocker is not None)
        assert "prepared transaction" in diagnose_stall(pair.source, pair.target, link, seconds=5).message
    finally:
        pair.target.execute(f"rollback prepared '{link.name}'")


def test_nobody_connected_and_a_slot_that_is_gone(pair: Replicated) -> None:
    link = followed(pair)
    pair.target.execute(f'alter subscription "{link.name}" disable')
    wait_until(lambda: not pair.is_active(link.name))
    assert "nobody applies" in diagnose_stall(pair.source, pair.target, link, seconds=5).message
    pair.source.execute("select pg_drop_replication_slot(%s)", [link.name])
    assert "slot is gone" in diagnose_stall(pair.source, pair.target, link, seconds=5).message


def test_an_account_that_may_not_see_is_told_so(pair: Replicated) -> None:
    link = followed(pair)
    role = f"plain_{pair.names[0]}"
    pair.target.execute(f"create role {role}; set role {role}")
    try:
        assert "pg_read_all_stats" in diagnose_stall(pair.source, pair.target, link, seconds=5).message
    finally:
        pair.target.execute("reset role")
        pair.target.execute(f"drop role {role}")


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_names_the_blocker(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(version))
    try:
        link = followed(pair)
    except psycopg.Error as error:
        pytest.fail(str(error))
    with connect(pair.target_route, pair.names[1], autocommit=False) as holder:
        holder.execute("lock table public.orders in access exclusive mode")
        pair.source.execute("insert into orders values (1)")
        wait_until(lambda: diagnose_stall(pair.source, pair.target, link, seconds=9).blocker is not None)
