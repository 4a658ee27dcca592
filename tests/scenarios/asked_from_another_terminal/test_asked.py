"""Another terminal asks a running task for something, waits for the answer, and is told."""

from __future__ import annotations

import json
import signal

import pytest
from runs import Bench, Running, is_step


@pytest.fixture
def busy(bench: Bench) -> tuple[Bench, Running]:
    """A task in the midst of its copy."""
    bench.seed_slow()
    running = bench.start(bench.spec())
    assert running.wait_for(is_step("shop/full", "running"))
    return bench, running


def test_paused_and_resumed_by_name(busy) -> None:
    bench, running = busy
    asked = bench.run("pause", "move")
    assert asked.code == 0, asked.said
    assert asked.out.splitlines()[-1] == "the task is paused; `dtsrun resume move` goes on"
    assert running.end().code == 130
    assert bench.task().state == "paused"
    again = bench.run("pause", "move")
    assert again.code == 2
    assert "task move is paused: it cannot be asked to pause" in again.err
    assert "allowed now: run, resume, check, verify, stop, cleanup, delete" in again.err
    bench.hurry()
    resumed = bench.run("resume", "move")
    assert resumed.code == 0, resumed.said
    assert "continuing" in resumed.err
    assert bench.differences() == []
    assert bench.leftovers() == {}


def test_stopped_for_good_what_had_arrived_stays(busy) -> None:
    bench, running = busy
    unsure = bench.run("stop", "move")
    assert unsure.code == 2
    assert "--yes" in unsure.err
    asked = bench.run("stop", "move", "--yes")
    assert asked.code == 0, asked.said
    assert "what had arrived on the target stays" in asked.out
    assert running.end().code == 130
    assert bench.task().state == "stopped"
    assert "shop" in bench.databases()
    assert bench.leftovers() == {}
    assert bench.run("resume", "move").code == 2


def test_stopped_for_good_with_all_that_it_moved(busy) -> None:
    bench, running = busy
    asked = bench.run("stop", "move", "--yes", "--drop")
    assert asked.code == 0, asked.said
    assert running.end().code == 130
    assert "shop" not in bench.databases()
    assert bench.leftovers() == {}


def test_a_killed_runner_leaves_a_task_that_can_be_stopped(busy) -> None:
    bench, running = busy
    running.send(signal.SIGKILL)
    running.end()
    asked = bench.run("pause", "move")
    assert asked.code == 2
    assert "running, and its runner is gone" in asked.err
    (line,) = json.loads(bench.run("list", "--json").out)
    assert (line["state"], line["is_abandoned"]) == ("running", True)
    assert {"resume", "stop"} <= set(line["allowed"])
    with bench.journal() as journal:
        journal.set_state("move", "stopping")  # as if it had been killed while it was being stopped
    half_stopped = bench.run(bench.spec())
    assert half_stopped.code == 2
    assert "allowed now: stop, cleanup, delete" in half_stopped.err
    stopped = bench.run("stop", "move", "--yes")
    assert stopped.code == 0, stopped.said
    assert bench.task().state == "stopped"
    assert bench.leftovers() == {}


def test_what_the_state_forbids_is_refused_with_what_it_allows(busy) -> None:
    bench, running = busy
    running.send(signal.SIGSTOP)  # it stands still meanwhile, however fast this machine is
    for command in (["complete"], ["delete"], ["cleanup"], ["resume"]):
        refused = bench.run(*command, "move")
        assert refused.code == 2, refused.said
        assert "allowed now: pause, stop" in refused.err
    # Its own tables would be found in the way, with statements that drop them.
    refused = bench.run("check", bench.folder / "move.yaml")
    assert (refused.code, refused.out) == (2, ""), refused.said
    assert "it cannot be asked to check" in refused.err
    running.send(signal.SIGCONT)
    assert bench.run("pause", "move").code == 0
    assert running.end().code == 130
    # It could go on: it is not forgotten by one word at the wrong hour.
    refused = bench.run("delete", "move")
    assert (refused.code, "say yes with --yes" in refused.err) == (2, True), refused.said
    assert bench.task().state == "paused"
    assert bench.run("delete", "move", "--yes").code == 0
    assert bench.leftovers() == {}
