"""A line that fails in the middle of a copy: the task waits and goes on, or ends with exit 4 and goes on when run
again. Either way the ends are equal at last."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lab import PORT, Lab, LabBench, need
from runs import Running, is_message, is_step

from dtsrun.testing.ssh import SshServer, make_key


@pytest.fixture
def slow_bench(lab_bench: LabBench) -> LabBench:
    """A source with a table that takes seconds to copy."""
    lab_bench.seed_slow()
    return lab_bench


def copying(bench: LabBench, spec: Path) -> Running:
    """Start a task and wait until its copy is under way."""
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_step("shop/full", "running")), running.end().said
    time.sleep(0.7)
    return running


def arrives(bench: LabBench, running: Running) -> None:
    """Let the task end, and look whether the ends are equal."""
    done = running.end()
    assert done.code == 0, done.said
    assert bench.differences() == []


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_line_that_is_cut_for_a_while(lab: Lab, slow_bench: LabBench, side: str) -> None:
    running = copying(slow_bench, slow_bench.lab_spec())
    with lab.cut(side):
        assert running.wait_for(is_message("trying again"))
    slow_bench.hurry()
    arrives(slow_bench, running)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_line_that_stays_cut_is_exit_4_and_the_task_goes_on_when_run_again(
    lab: Lab, slow_bench: LabBench, side: str
) -> None:
    spec = slow_bench.lab_spec(retry="3s")
    running = copying(slow_bench, spec)
    with lab.cut(side):
        done = running.end()
    assert done.code == 4, done.said
    assert slow_bench.task().state == "failed"
    slow_bench.hurry()
    again = slow_bench.run(spec, "--yes")
    assert again.code == 0, again.said
    assert slow_bench.differences() == []


@pytest.mark.parametrize("side", ["source", "target"])
def test_connections_that_are_reset(lab: Lab, slow_bench: LabBench, side: str) -> None:
    need("ss")
    running = copying(slow_bench, slow_bench.lab_spec())
    lab.reset(side)
    assert running.wait_for(is_message("trying again"))
    slow_bench.hurry()
    arrives(slow_bench, running)


def test_a_slow_line(lab: Lab, lab_bench: LabBench) -> None:
    need("tc")
    lab_bench.seed_slow()
    lab_bench.hurry()
    with lab.slow("runner", "60mbit"):
        begun = time.monotonic()
        done = lab_bench.run(lab_bench.lab_spec(), "--yes")
        took = time.monotonic() - begun
    assert done.code == 0, done.said
    # 51 MB of rows.
    assert took > 6
    assert lab_bench.differences() == []


def test_a_lossy_line(lab: Lab, lab_bench: LabBench) -> None:
    need("iptables")
    lab_bench.seed_slow()
    lab_bench.hurry()
    lossy = ("-m", "statistic", "--mode", "random", "--probability", "0.01", "-j", "DROP")
    with lab.forwarding_rule(*lossy):
        done = lab_bench.run(lab_bench.lab_spec(), "--yes")
        lost = int(lab.router.call("iptables", "-w", "-vxnL", "FORWARD").splitlines()[2].split()[0])
    assert done.code == 0, done.said
    assert lost > 50
    assert lab_bench.differences() == []


def test_a_tunnel_that_breaks(lab: Lab, slow_bench: LabBench, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    place = lab.places["jump"]
    server = SshServer(tmp_path / "sshd", key, address=lab.address("jump"))
    place.do(server.start)
    try:
        access = {"type": "ssh", "host": lab.address("source"), "port": PORT, "jump": server.jump(key)}
        running = copying(slow_bench, slow_bench.lab_spec(source=slow_bench.way("source", access)))
        place.do(server.kill)
        assert running.wait_for(is_message("trying again"))
        place.do(server.start)
        slow_bench.hurry()
        arrives(slow_bench, running)
    finally:
        server.kill()
