"""Large objects arrive with OID, contents, owner, grants and comment, and a run after a failure takes up the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moving import Move, moved, open_move, seeded

from dtsrun.api import Connection, MigrationType, Route, Step
from dtsrun.large_objects import CHUNK_BYTES, HEAD_BYTES
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ObjectKindContract
from dtsrun_plugins.objects.large_objects import LargeObjects

ROLES = ("lo_owner", "lo_reader", "lo_giver")

SCRIPT = f"""
select lo_from_bytea(1, '');
select lo_from_bytea(5000, 'small');
select lo_from_bytea(5001, decode('00ff00', 'hex'));
select lo_from_bytea(5002, decode(repeat('ab', {HEAD_BYTES}), 'hex')) as exactly_a_head;
select lo_from_bytea(5003, decode(repeat('cd', {HEAD_BYTES + 1}), 'hex')) as a_byte_more;
select lo_from_bytea(5004, decode(repeat('0f', {HEAD_BYTES + 2 * CHUNK_BYTES}), 'hex')) as whole_chunks;
select lo_create(5005); select lo_put(5005, {HEAD_BYTES + 3 * CHUNK_BYTES} + 7, 'far');
select lo_create(5006); select lo_put(5006, {HEAD_BYTES + 2 * CHUNK_BYTES} - 1, decode('00', 'hex'));
select lo_from_bytea(o::oid, 'one of many ' || o::text::bytea) from generate_series(6000, 6600) o;
select lo_from_bytea(4294967295, 'the last');
alter large object 5000 owner to lo_owner;
grant select on large object 5000 to lo_reader; grant update on large object 5000 to lo_giver with grant option;
set role lo_giver; grant update on large object 5000 to public; reset role;
grant select on large object 5001 to public;
revoke update on large object 5002 from current_user;
comment on large object 5001 is 'it''s \\ a "comment"';
"""


class TestLargeObjects(ObjectKindContract):
    plugin = LargeObjects


@pytest.fixture(scope="module")
def roles(source_route: Route, target_route: Route) -> Iterator[None]:
    """Roles on both ends; the migration of roles is another kind's."""
    for route in (source_route, target_route):
        with connect(route) as connection:
            for role in ROLES:
                connection.execute(f"drop role if exists {role}".encode())
                connection.execute(f"create role {role}".encode())
    yield
    for route in (source_route, target_route):
        with connect(route) as connection:
            for role in ROLES:
                connection.execute(f"drop role if exists {role}".encode())


@pytest.fixture(scope="module")
def move(source_route: Route, target_route: Route, roles: None) -> Iterator[Move]:
    with moved(source_route, target_route, "large_objects", SCRIPT) as done:
        yield done


def facts(connection: Connection) -> list[tuple[Any, ...]]:
    query = (
        "select m.oid::bigint, pg_get_userbyid(lomowner)::text as owner,"
        ' array(select a::text from unnest(m.lomacl) a order by a::text collate "C") as acl,'
        " obj_description(m.oid, 'pg_largeobject') as note"
        "  from pg_largeobject_metadata m order by m.oid"
    )
    return [tuple(row) for row in connection.execute(query.encode()).fetchall()]


def data(connection: Connection) -> list[tuple[Any, ...]]:
    query = "select oid::bigint, md5(lo_get(oid)) as digest from pg_largeobject_metadata order by oid"
    return [tuple(row) for row in connection.execute(query).fetchall()]


def test_contents_arrive_under_their_oids(move: Move) -> None:
    source, target = move.ends("large_objects")
    assert data(target) == data(source)
    assert len(data(target)) == 610


def test_owners_grants_and_comments_arrive(move: Move) -> None:
    source, target = move.ends("large_objects")
    ours, theirs = facts(source), facts(target)
    assert theirs == ours
    by_oid = {row[0]: row for row in theirs}
    assert by_oid[5000][1] == "lo_owner"
    assert by_oid[5000][2] == [
        "=w/lo_giver",
        "lo_giver=w*/lo_owner",
        "lo_owner=rw/lo_owner",
        "lo_reader=r/lo_owner",
    ]
    assert by_oid[5001][3] == 'it\'s \\ a "comment"'


def test_holes_stay_holes(move: Move) -> None:
    # Pages of 2 kB: those of the chunk in which the object ends, not the three chunks of nothing before.
    pages = (
        move.ends("large_objects")[1]
        .execute("select count(*) as pages from pg_largeobject where loid = 5005")
        .fetchone()
    )
    assert pages is not None and pages.pages <= (HEAD_BYTES + CHUNK_BYTES) // 2048


def test_verification_finds_no_difference(move: Move) -> None:
    assert move.compare("object.large_objects") == []
    assert move.outcome.failures == move.outcome.deviations == []


def test_they_are_moved_range_by_range(move: Move) -> None:
    steps = list(move.steps("object.large_objects").values())
    assert len(steps) == 2
    assert steps[0].args["last"] + 1 == steps[1].args["first"]
    assert steps[-1].args["last"] == 4294967295
    assert sum(move.outcome.results[step.key].rows for step in steps) == 610


def test_differences_are_told(source_route: Route, target_route: Route, roles: None) -> None:
    script = "select lo_from_bytea(o::oid, 'x') from generate_series(5000, 5005) o"
    with moved(source_route, target_route, "large_objects_differ", script) as move:
        with connect(target_route, "large_objects_differ") as connection:
            connection.execute("select lo_put(5000, 0, 'y')")
            connection.execute("select lo_unlink(5001)")
            connection.execute("alter large object 5002 owner to lo_owner")
            connection.execute("grant select on large object 5003 to lo_reader")
            connection.execute("comment on large object 5004 is 'new'")
        found = {(d.object, d.aspect) for d in move.compare("object.large_objects")}
        assert found == {
            ("large object 5000", "contents"),
            ("large object 5001", "missing"),
            ("large object 5002", "owner"),
            ("large object 5002", "grants"),
            ("large object 5003", "grants"),
            ("large object 5004", "comment"),
        }


def test_after_a_cutover_those_that_came_meanwhile_are_compared_too(source_route: Route, target_route: Route) -> None:
    name, script = "large_objects_came", "select lo_from_bytea(o::oid, 'x') from generate_series(5000, 5003) o"
    kind = MigrationType.FULL_INCREMENTAL
    with planned(source_route, target_route, name, script, migration_type=kind) as (move, step):
        move.run_step(step)
        source, target = move.ends(name)
        target.execute("select lo_from_bytea(7000, 'somebody else''s')")
        source.execute("select lo_from_bytea(o::oid, 'x') from unnest(array[100, 9000]) o")
        found = [d for each in LargeObjects().steps("verify", move.planning()) for d in move.run_step(each).differences]
        assert [(d.object, d.aspect) for d in found] == [
            ("large object 100", "missing"),
            ("large object 9000", "missing"),
        ]


class TestFailures:
    SCRIPT = "select lo_from_bytea(o::oid, 'x') from generate_series(5000, 5003) o"

    def test_of_an_unreadable_one_leave_the_others(self, source_route: Route, target_route: Route, roles: None) -> None:
        script = f"{self.SCRIPT}; grant select on large object 5000, 5001, 5003 to lo_reader"
        with planned(source_route, target_route, "large_objects_shut", script) as (move, step):
            source = move.connection("source", "large_objects_shut")
            source.execute("set role lo_reader")
            result = move.run_step(step)
            source.execute("reset role")
            (failure,) = result.failures
            assert failure.object == "large object 5002"
            assert "grant select on large object 5002" in (failure.hint or "")
            assert [oid for oid, _ in data(move.ends("large_objects_shut")[1])] == [5000, 5001, 5003]

    def test_of_a_missing_owner_are_mended_by_another_run(
        self, source_route: Route, target_route: Route, roles: None
    ) -> None:
        script = f"{self.SCRIPT}; create role lo_late; alter large object 5001 owner to lo_late"
        with planned(source_route, target_route, "large_objects_late", script) as (move, step):
            try:
                first = move.run_step(step)
                assert [f.object for f in first.failures] == ["large object 5001"]
                assert first.detail["contents"] == [5000, 5001, 5002, 5003]
                target = move.ends("large_objects_late")[1]
                target.execute("create role lo_late")
                assert move.run_step(step).failures == ()
                assert facts(target)[1][1] == "lo_late"
            finally:
                for end in move.ends("large_objects_late"):
                    end.execute("drop owned by lo_late")
                    end.execute("drop role lo_late")


class TestConflicts:
    SCRIPT = "select lo_from_bytea(o::oid, 'new') from generate_series(5000, 5001) o"

    @pytest.mark.parametrize(
        ("policy", "kept", "failed"), [("fail", b"old", 1), ("skip", b"old", 0), ("drop", b"new", 0)]
    )
    def test_go_by_the_spec(
        self, source_route: Route, target_route: Route, policy: str, kept: bytes, failed: int
    ) -> None:
        name = f"large_objects_{policy}"
        with planned(source_route, target_route, name, self.SCRIPT, on_conflict=policy) as (move, step):
            target = move.ends(name)[1]
            target.execute("select lo_from_bytea(5000, 'old')")
            assert len(move.run_step(step).failures) == failed
            found = target.execute("select lo_get(5000) as first, lo_get(5001) as second").fetchone()
            assert found == (kept, b"new")


def test_an_option_leaves_them_behind(source_route: Route, target_route: Route) -> None:
    name = "large_objects_none"
    kinds = {"large_objects": {"include": False}}
    with (
        seeded(source_route, target_route, name, "select lo_create(5000)"),
        open_move(source_route, target_route, {name: name}, kinds=kinds) as move,
    ):
        assert move.steps("object.large_objects") == {}
        assert list(LargeObjects().steps("verify", move.planning())) == []


@contextmanager
def planned(source: Route, target: Route, name: str, script: str, **changes: Any) -> Iterator[tuple[Move, Step]]:
    """Plan a migration of which only the step of large objects is run; the target database is there and empty."""
    with (
        seeded(source, target, name, script, target_options=""),
        open_move(source, target, {name: name}, **changes) as move,
    ):
        (step,) = move.steps("object.large_objects").values()
        yield move, step
