"""The walk over the plan: order, lanes, locks, retries, new epochs, and a clean stop."""

import threading
import time
from datetime import UTC, datetime

import psycopg
import pytest

from dtsrun.api import Failure, Lane, Resources, Step, StepResult
from dtsrun.engine.snapshots import Snapshot
from dtsrun.engine.walk import OutOfTime, Walk
from dtsrun.errors import Interrupted, MigrationError
from dtsrun.plan import _resolved
from dtsrun.postgres.sqlstate import SnapshotLost
from dtsrun.throttle import Pace


class Script:
    """Stands in for workers: what each step does, and what was seen."""

    def __init__(self, **actions):
        self.actions = actions
        self.ran: list[str] = []
        self.running: set[str] = set()
        self.together: list[frozenset[str]] = []
        self.cancelled = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, callbacks):
        self.callbacks = callbacks
        return self

    def run(self, order):
        key = order.step.key
        with self._lock:
            self.ran.append(key)
            self.running.add(key)
            self.together.append(frozenset(self.running))
        try:
            action = self.actions.get(key)
            return (action(self, order) if action else None) or StepResult()
        finally:
            with self._lock:
                self.running.discard(key)

    def cancel(self):
        self.cancelled.set()

    def close(self):
        pass


class Witness:
    def __init__(self):
        self.said = []
        self.stop = False

    def wants_stop(self):
        return self.stop

    def __getattr__(self, name):
        return lambda *values: self.said.append((name, *values))

    def named(self, name):
        return [said[1].key for said in self.said if said[0] == name]


class Snapshots:
    def __init__(self):
        self.epoch = 1

    def get(self, database):
        return Snapshot(database, f"id-{self.epoch}", self.epoch, datetime.now(UTC))

    def of(self, step):
        return self.get(step.database) if step.database is not None else None

    def renew(self, database, lost):
        if lost.epoch == self.epoch:
            self.epoch += 1
        return self.get(database)


def step(key, **fields):
    return Step(**{"stage": "full", "plugin": "p", "action": "a", "database": "shop", **fields, "key": key})


def walk(script, *steps, done=(), retry_for=5.0, resources=None, witness=None, pace=None, deadline=None):
    witness = witness or Witness()
    plan = _resolved(steps)
    walking = Walk(
        plan,
        resources or Resources(copy=2, index=2),
        make_worker=script,
        snapshots=Snapshots(),
        witness=witness,
        retry_for=retry_for,
        pace=pace,
        deadline=deadline,
    )
    return walking, witness, lambda: walking.run(done)


def broken_link(count):
    def action(script, order):
        if script.ran.count(order.step.key) <= count:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    return action


def test_a_step_runs_after_those_it_waits_for():
    script = Script()
    _, _, run = walk(script, step("c", after=("b",)), step("b", after=("a",)), step("a"))
    outcome = run()
    assert script.ran == ["a", "b", "c"]
    assert outcome.done == {"a", "b", "c"}


def test_what_is_done_is_not_done_again():
    script = Script()
    _, _, run = walk(script, step("a"), step("b", after=("a",)), done={"a"})
    run()
    assert script.ran == ["b"]


def test_the_largest_go_first():
    script = Script()
    steps = [step(f"t{size}", size=size, lane=Lane.COPY) for size in (1, 100, 10)]
    walk(script, *steps, resources=Resources(copy=1, index=1))[2]()
    assert script.ran == ["t100", "t10", "t1"]


def test_a_lane_takes_no_more_than_it_has_room_for():
    script = Script(**{f"t{n}": lambda s, o: time.sleep(0.05) for n in range(6)})
    walk(script, *[step(f"t{n}", lane=Lane.COPY) for n in range(6)], resources=Resources(copy=2, index=2))[2]()
    assert max(len(group) for group in script.together) == 2


def test_two_that_need_one_lock_never_run_at_once():
    script = Script(**{f"fk{n}": lambda s, o: time.sleep(0.03) for n in range(4)})
    steps = [step(f"fk{n}", lane=Lane.INDEX, locks=("orders",)) for n in range(4)]
    walk(script, *steps, resources=Resources(copy=4, index=4))[2]()
    assert max(len(group) for group in script.together) == 1
    assert len(script.ran) == 4


def test_a_failure_blocks_what_waits_for_it_and_nothing_else():
    def fail(script, order):
        raise MigrationError("no such thing")

    script = Script(a=fail)
    _, witness, run = walk(script, step("a"), step("b", after=("a",)), step("c", after=("b",)), step("free"))
    outcome = run()
    assert set(outcome.failed) == {"a"}
    assert outcome.blocked == {"b", "c"}
    assert outcome.done == {"free"}
    assert witness.named("blocked") == ["b", "c"]


def test_verification_runs_even_after_a_failure():
    def fail(script, order):
        raise MigrationError("no such thing")

    script = Script(a=fail)
    verify = step("verify", after=("a", "b"), depends_softly=True)
    outcome = walk(script, step("a"), step("b", after=("a",)), verify)[2]()
    assert outcome.done == {"verify"}


def test_of_steps_that_wait_for_the_same_ones_a_failure_blocks_only_those_that_need_it():
    def fail(script, order):
        raise MigrationError("no such thing")

    shared = ("a", "b")
    script = Script(a=fail)
    soft = [step(f"verify {n}", after=shared, depends_softly=True) for n in range(3)]
    hard = [step(f"index {n}", after=shared) for n in range(3)]
    outcome = walk(script, step("a"), step("b"), *soft, *hard)[2]()
    assert outcome.done == {"b", "verify 0", "verify 1", "verify 2"}
    assert outcome.blocked == {"index 0", "index 1", "index 2"}
    assert script.ran.index("b") < script.ran.index("verify 0")


def test_objects_that_fail_inside_a_step_do_not_block_its_followers():
    script = Script(a=lambda s, o: StepResult(failures=(Failure(object="VIEW v", message="no"),)))
    assert walk(script, step("a"), step("b", after=("a",)))[2]().done == {"a", "b"}


def test_a_broken_link_is_tried_again():
    script = Script(a=broken_link(1))
    _, witness, run = walk(script, step("a"))
    assert run().done == {"a"}
    assert script.ran == ["a", "a"]
    assert witness.named("retrying") == ["a"]


def test_after_the_retry_window_a_broken_link_is_a_failure():
    script = Script(a=broken_link(99))
    outcome = walk(script, step("a"), retry_for=0.0)[2]()
    assert "server closed the connection" in outcome.failed["a"]
    assert script.ran == ["a"]


def test_a_server_that_is_gone_takes_one_time_for_all_steps_not_one_for_each():
    names = [f"t{number}" for number in range(6)]
    script = Script(**{name: broken_link(99) for name in names})
    began = time.monotonic()
    outcome = walk(script, *[step(name, lane=Lane.COPY) for name in names], retry_for=1.0)[2]()
    assert set(outcome.failed) == set(names)
    assert time.monotonic() - began < 2.5


def test_a_lost_snapshot_begins_a_new_epoch():
    epochs = []

    def action(script, order):
        epochs.append(order.snapshot.epoch)
        if order.snapshot.epoch == 1:
            raise SnapshotLost("gone")

    script = Script(a=action, b=action)
    _, witness, run = walk(script, step("a"), step("b"))
    assert run().done == {"a", "b"}
    assert max(epochs) == 2
    assert [said[1].epoch for said in witness.said if said[0] == "new_epoch"]


def test_a_step_of_the_whole_server_reads_in_no_snapshot():
    seen = []
    script = Script(roles=lambda s, o: seen.append(o.snapshot))
    walk(script, step("roles", database=None))[2]()
    assert seen == [None]


def test_stopping_cancels_what_runs_and_starts_nothing_new():
    def long(script, order):
        walking.stop()
        while True:
            script.callbacks.progress(order.step.key, 1, 1)
            time.sleep(0.01)

    script = Script(a=long)
    walking, _, run = walk(script, step("a"), step("b", after=("a",)))
    with pytest.raises(Interrupted):
        run()
    assert script.ran == ["a"]


def test_another_terminal_can_stop_it():
    def wait_for_cancel(script, order):
        witness.stop = True
        assert script.cancelled.wait(5)
        raise Interrupted("cancelled")

    script = Script(a=wait_for_cancel)
    _, witness, run = walk(script, step("a"))
    with pytest.raises(Interrupted):
        run()


def test_a_programming_error_in_a_plugin_is_a_failure_of_its_step():
    def wrong(script, order):
        raise KeyError("columns")

    outcome = walk(Script(a=wrong), step("a"), step("b"))[2]()
    assert "columns" in outcome.failed["a"]
    assert outcome.done == {"b"}


def test_five_thousand_blocked_steps_are_no_trouble():
    def fail(script, order):
        raise MigrationError("no")

    chain = [step("s0"), *(step(f"s{n}", after=(f"s{n - 1}",)) for n in range(1, 5000))]
    assert len(walk(Script(s0=fail), *chain)[2]().blocked) == 4999


def test_a_server_out_of_reach_ends_the_walk_when_the_time_is_up():
    def unreached(script, order):
        time.sleep(0.1)
        raise psycopg.OperationalError("connection failed: Connection refused")

    names = [f"s{number}" for number in range(20)]
    script = Script(**dict.fromkeys(names, unreached))
    _, witness, run = walk(script, *map(step, names), step("z", after=("s0",)), retry_for=0.3)
    outcome = run()
    assert "Connection refused" in outcome.lost
    assert not outcome.failed and not outcome.blocked
    assert not witness.named("failed")
    # Those that were not tried when the time was up are not tried any more.
    assert len(set(script.ran)) < len(names)


def test_a_step_that_always_breaks_its_connection_fails_alone():
    script = Script(a=broken_link(10**6))
    _, witness, run = walk(script, step("a"), step("b"), retry_for=0.3)
    outcome = run()
    assert (set(outcome.failed), outcome.lost) == ({"a"}, "")
    assert witness.named("failed") == ["a"]
    assert "b" in outcome.done


def test_while_copies_are_held_none_begins_and_no_index_either():
    pace = Pace(None)
    pace.hold()
    script = Script()
    _, _, run = walk(
        script,
        step("definition", lane=Lane.STRUCTURE),
        step("copy", lane=Lane.COPY),
        step("index", lane=Lane.INDEX),
        step("compare", lane=Lane.VERIFY),
        pace=pace,
    )
    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    assert script.ran == ["definition"]
    pace.release()
    thread.join(5)
    assert sorted(script.ran) == ["compare", "copy", "definition", "index"]


def test_a_copy_that_is_held_stops_at_once():
    pace = Pace(None)

    def copy(script, order):
        pace.hold()
        script.callbacks.progress("copy", 1, 1000)

    walking, _, run = walk(Script(copy=copy), step("copy", lane=Lane.COPY), pace=pace)
    timer = threading.Timer(0.3, walking.stop)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        run()
    assert time.monotonic() - began < 2


def test_at_its_deadline_what_runs_is_cancelled_and_named():
    def until_cancelled(script, order):
        assert script.cancelled.wait(10)
        raise psycopg.errors.QueryCanceled("canceling statement due to user request")

    script = Script(slow=until_cancelled)
    _, witness, run = walk(script, step("slow", title="copy public.log again"), deadline=time.monotonic() + 0.3)
    began = time.monotonic()
    with pytest.raises(OutOfTime, match=r"copy public\.log again is not done"):
        run()
    assert time.monotonic() - began < 5
    assert witness.named("put_back") == ["slow"]
    assert witness.named("failed") == []
