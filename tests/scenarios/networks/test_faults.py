"""A line that fails in the middle of a copy: the task waits and goes on, or ends with exit 4 and goes on when run
again. Either way the ends are equal at last."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from lab import PORT, Lab, LabBench, Ways, need
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


@pytest.mark.parametrize(
    ("source", "target"), [("public_network", "ccn"), ("vpn", "self_build_cvm"), ("ssh", "direct_connect")]
)
def test_each_way_is_waited_for_and_gone_on_with(
    lab: Lab, slow_bench: LabBench, tmp_path: Path, source: str, target: str
) -> None:
    """Connections are reset, then lines are cut for a while: the task goes on. They are cut for longer than the task
    waits: exit 4, and it goes on when it is run again, over lines that lose packets."""
    need("ss", "iptables")
    with ExitStack() as stack:
        ways = Ways(slow_bench, tmp_path, stack)
        ends = {"source": ways.end("source", source), "target": ways.end("target", target)}
        running = copying(slow_bench, slow_bench.lab_spec(retry="60s", **ends))
        for side in ends:
            lab.reset(side)
            goes_on(running)
            with lab.cut(side):
                assert running.wait_for(is_message("trying again")), running.end().said
            goes_on(running)
        assert slow_bench.run("pause", "move").code == 0
        assert running.end().code == 130
        spec = slow_bench.lab_spec(retry="2s", **ends)
        running = copying(slow_bench, spec)
        with lab.cut("source"), lab.cut("target"):
            done = running.end()
        assert done.code == 4, done.said
        assert slow_bench.task().state == "failed"
        slow_bench.hurry()
        with lab.lossy():
            again = slow_bench.run(spec, "--yes")
            lost = lab.packets_lost()
        assert again.code == 0, again.said
        assert lost > 50
    assert slow_bench.differences() == []


def goes_on(running: Running) -> None:
    """Wait until the copy is under way again."""
    assert running.wait_for(is_step("shop/full", "running")), running.end().said


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
