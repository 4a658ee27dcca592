"""Sequences stand on the target where they stood on the source, to the last number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moving import Move, moved, open_move, seeded

from dtsrun.api import Route, entry_name
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ObjectKindContract
from dtsrun_plugins.objects.sequences import TOGETHER, Sequences

SCRIPT = """
create sequence untouched start 42;
create sequence used; select nextval('used') from generate_series(1, 7);
create sequence downward increment -3 minvalue -1000 maxvalue 5 start 5;
select nextval('downward'), nextval('downward');
create sequence exhausted maxvalue 2 cycle; select nextval('exhausted'), nextval('exhausted');
create sequence small as smallint start 32767; select nextval('small');
create sequence huge start 9223372036854775807; select nextval('huge');
create sequence cached cache 50; select nextval('cached');
create schema "a.b"; create sequence "a.b"."s ""q"" '%s'"; select setval('"a.b"."s ""q"" ''%s''"', 5, false);
create table t (id serial primary key, n int generated always as identity, own int);
create sequence owned owned by t.own; select setval('owned', 99);
insert into t select from generate_series(1, 12);
"""


class TestSequences(ObjectKindContract):
    plugin = Sequences


@pytest.fixture(scope="module")
def move(source_route: Route, target_route: Route) -> Iterator[Move]:
    with moved(source_route, target_route, "sequences", SCRIPT) as done:
        yield done


def test_all_stand_where_they_stood(move: Move) -> None:
    names = [(s.schema, s.name) for s in move.inventory.databases["sequences"].sequences]
    assert len(names) == 11
    for schema, name in names:
        quoted = '"{}"."{}"'.format(*(part.replace('"', '""') for part in (schema, name)))
        query = f"select last_value, is_called from {quoted}".encode()
        source, target = (end.execute(query).fetchone() for end in move.ends("sequences"))
        assert source == target, name


def test_the_next_numbers_are_those_of_the_source(source_route: Route, target_route: Route) -> None:
    with moved(source_route, target_route, "sequences_next", SCRIPT) as move:
        calls = "select nextval('public.untouched') as a, nextval('public.used') as b, nextval('public.t_id_seq') as c"
        assert move.ends("sequences_next")[1].execute(calls).fetchone() == (42, 8, 13)


def test_verification_finds_no_difference(move: Move) -> None:
    assert move.compare("object.sequences") == []
    assert move.outcome.failures == []


def test_they_come_after_the_rows(move: Move) -> None:
    (step,) = move.steps("object.sequences").values()
    assert set(move.steps("object.tables")) <= {key.partition("/")[2] for key in step.after}
    # A table that fails is no reason to leave every sequence behind.
    assert step.depends_softly


def test_a_difference_says_that_the_source_may_have_moved_on(source_route: Route, target_route: Route) -> None:
    with moved(source_route, target_route, "sequences_on", "create sequence s") as move:
        with connect(source_route, "sequences_on") as connection:
            connection.execute("select nextval('public.s') from generate_series(1, 2)")
        (difference,) = move.compare("object.sequences")
        assert (difference.object, difference.source, difference.target) == (
            "SEQUENCE public.s",
            "2, called",
            "1, not called yet",
        )
        assert "moved on" in (difference.note or "")


def test_one_that_is_ahead_or_missing_on_the_target_is_found(source_route: Route, target_route: Route) -> None:
    with moved(source_route, target_route, "sequences_off", "create sequence s; create sequence gone") as move:
        with connect(target_route, "sequences_off") as connection:
            connection.execute("select setval('public.s', 9)")
            connection.execute("drop sequence public.gone")
        ahead, gone = sorted(move.compare("object.sequences"), key=lambda d: d.note or "", reverse=True)
        assert {ahead.object, gone.object} == {"SEQUENCE public.s", "SEQUENCE public.gone"}
        assert all(d.note is None for d in (ahead, gone))
        assert any("does not exist" in d.target for d in (ahead, gone))


def test_one_that_cannot_be_read_is_named_and_the_others_are_set(source_route: Route, target_route: Route) -> None:
    script = "create sequence secret; create sequence open; select setval('open', 5); grant select on open to public;"
    with (
        seeded(source_route, target_route, "sequences_shut", script),
        open_move(source_route, target_route, {"sequences_shut": "sequences_shut"}) as move,
    ):
        source = move.connection("source", "sequences_shut")
        source.execute("create role sequences_reader")
        source.execute("grant usage on schema public to sequences_reader")
        source.execute("set role sequences_reader")
        move.run()
        for statement in ("reset role", "drop owned by sequences_reader", "drop role sequences_reader"):
            source.execute(statement.encode())
        (failure,) = move.outcome.failures
        assert failure.object == "SEQUENCE public.secret"
        assert failure.message.startswith("on the source: permission denied")
        assert failure.hint == "grant select on sequence public.secret"
        value = move.ends("sequences_shut")[1].execute("select last_value from public.open").fetchone()
        assert value == (5,)


def test_one_that_cannot_be_set_is_named_and_the_others_are_set(source_route: Route, target_route: Route) -> None:
    script = "create sequence a; create sequence b; select setval('a', 50), setval('b', 60)"
    with (
        seeded(source_route, target_route, "sequences_full", script),
        open_move(source_route, target_route, {"sequences_full": "sequences_full"}) as move,
    ):
        for key in move.outcome.plan.order:
            if "/full/" in key:
                move.ends("sequences_full")[1].execute("alter sequence public.a maxvalue 10")
            move.run_step(move.outcome.plan.steps[key])
        (failure,) = move.outcome.failures
        assert failure.object == "SEQUENCE public.a"
        assert "on the target: " in failure.message and "out of bounds" in failure.message
        assert move.ends("sequences_full")[1].execute("select last_value from public.b").fetchone() == (60,)


class TestPlan:
    def test_many_go_together(self, source_route: Route, target_route: Route) -> None:
        script = f"do $$ begin for i in 1..{TOGETHER + 1} loop execute 'create sequence s' || i; end loop; end $$"
        with (
            seeded(source_route, target_route, "sequences_many", script),
            open_move(source_route, target_route, {"sequences_many": "sequences_many"}) as move,
        ):
            first, second = move.steps("object.sequences").values()
            assert [len(step.args["sequences"]) for step in (first, second)] == [TOGETHER, 1]
            assert first.key in second.after
            assert len(list(Sequences().steps("verify", move.planning()))) == 2

    def test_those_that_the_target_keeps_are_left_alone(self, source_route: Route, target_route: Route) -> None:
        existing = {"sequences_kept": frozenset({"SEQUENCE public.a"})}
        with (
            seeded(source_route, target_route, "sequences_kept", "create sequence a; create sequence b"),
            open_move(
                source_route,
                target_route,
                {"sequences_kept": "sequences_kept"},
                existing=existing,
                on_conflict="skip",
            ) as move,
        ):
            (step,) = move.steps("object.sequences").values()
            assert step.args["sequences"] == [["public", "b"]]

    def test_each_waits_for_its_creation(self, source_route: Route, target_route: Route) -> None:
        with (
            seeded(source_route, target_route, "sequences_need", "create sequence a"),
            open_move(source_route, target_route, {"sequences_need": "sequences_need"}) as move,
        ):
            (step,) = Sequences().steps("full", move.planning())
            entries = move.inventory.databases["sequences_need"].entries.values()
            (made,) = [e.id for e in entries if e.type == "SEQUENCE"]
            assert entry_name("sequences_need", made) in step.needs
