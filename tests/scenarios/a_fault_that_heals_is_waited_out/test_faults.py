"""A server that is away for a while stops nothing but the clock: within `task.retry` it is waited for, calmly."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import Bench, is_message, is_step


@pytest.fixture
def paused(bench: Bench) -> Bench:
    """A task that has begun, and was paused."""
    bench.seed_slow()
    running = bench.start(bench.spec())
    assert running.wait_for(is_step("shop/full", "running"))
    assert bench.run("pause", "move").code == 0
    running.end()
    bench.hurry()
    return bench


def services(bench: Bench) -> dict[str, str]:
    """Return what lets a command find servers that are down."""
    kept = bench.folder / "kept_service.conf"
    kept.write_text((bench.folder / "pg_service.conf").read_text())
    return {"PGSERVICEFILE": str(kept)}


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_task_that_goes_on_waits_for_a_server_at_its_start(paused: Bench, side: str) -> None:
    spec, found = paused.spec(), services(paused)
    server = getattr(paused, side)
    server.stop()
    running = paused.start(spec, **found)
    assert running.wait_for(is_message(f"{side}: "))
    said = running.seen[-1]["text"]
    assert said.endswith("trying again, for up to 20 s")
    server.start()
    done = running.end()
    assert done.code == 0, done.said
    assert [event for event in running.seen if "trying again" in str(event.get("text", ""))] == [running.seen[-1]]
    assert "trying again" not in done.out
    assert paused.differences() == []


def test_a_task_that_waits_for_a_server_can_be_paused(paused: Bench) -> None:
    spec, found = paused.spec(), services(paused)
    paused.target.stop()
    running = paused.start(spec, **found)
    assert running.wait_for(is_message("trying again"))
    stopped = paused.run("stop", "move", "--yes")
    assert stopped.code == 2
    assert "not while a server is away" in stopped.err
    assert paused.run("pause", "move").code == 0
    assert running.end().code == 130
    assert paused.task().state == "paused"


def test_when_the_time_is_over_it_is_an_access_error_and_the_task_can_go_on(paused: Bench) -> None:
    spec, found = paused.spec(settings={"retry": {"for": "2s"}}), services(paused)
    paused.target.stop()
    given_up = paused.run(spec, **found)
    assert given_up.code == 4, given_up.said
    assert given_up.err.count("trying again") == 1
    paused.target.start()
    done = paused.run(spec)
    assert done.code == 0, done.said
    assert paused.differences() == []


def test_a_new_task_does_not_wait(bench: Bench, tmp_path: Path) -> None:
    bench.seed("small_shop.sql")
    bench.run("list")
    spec, found = bench.spec(), services(bench)
    bench.target.stop()
    refused = bench.run(spec, **found)
    assert refused.code == 4, refused.said
    assert "trying again" not in refused.err
