"""Two runners of one task: the second is refused, and told who the first is."""

from __future__ import annotations

import os
import signal

import pytest
from runs import Bench, is_step


@pytest.fixture
def busy(bench: Bench):
    """A task at work."""
    bench.seed("small_shop.sql")
    bench.on_source(
        "shop", "create table public.wide as select n, repeat(md5(n::text), 40) from generate_series(1, 90000) n"
    )
    spec = bench.spec()
    running = bench.start(spec)
    assert running.wait_for(is_step("shop/full", "running"))
    # It stands still while the second one tries, however fast this machine is.
    running.send(signal.SIGSTOP)
    yield bench, spec, running
    running.send(signal.SIGCONT)
    assert running.end().code == 0


def test_on_one_machine(busy) -> None:
    bench, spec, running = busy
    second = bench.run(spec)
    assert second.code == 5
    assert f":{running.process.pid}" in second.err


def test_on_two_machines(busy, tmp_path) -> None:
    bench, spec, running = busy
    second = bench.run(spec, home=tmp_path / "elsewhere")
    assert second.code == 5, second.said
    assert f"{os.uname().nodename}:{running.process.pid}" in second.err
