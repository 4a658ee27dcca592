"""A line that fails while changes are followed, and in the middle of the cutover: not a row is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from lab import REGION, Lab, LabBench
from runs import Running, eventually, is_message
from writers import SEED, Application


@pytest.fixture
def application(lab: Lab, lab_bench: LabBench) -> Iterator[Application]:
    """Writes to the source, from beside it."""
    lab_bench.on_source(None, "create database shop")
    lab_bench.on_source("shop", SEED)
    writing = lab.places["source"].do(Application, lab_bench, "shop", 2)
    yield writing
    writing.stop()


def following(bench: LabBench, engine: str, retry: str) -> Path:
    """Write a spec of a task that follows changes."""
    ends = {side: {**bench.direct(side), "region": REGION} for side in ("source", "target")}
    stages = {"incremental": {"engine": engine}, "complete": {"fence": "read_only"}}
    migration = {"type": "full_incremental", "stages": stages}
    return bench.spec(settings={"retry": {"for": retry}}, migration=migration, **ends)


def syncing(bench: LabBench, spec: Path) -> Running:
    """Start a task and wait until it follows."""
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    return running


def goes_on_writing(application: Application) -> None:
    """Wait until the application wrote more."""
    before = application.commits
    eventually(lambda: application.commits > before + 50)


def phase(bench: LabBench) -> str | None:
    """Return how far a completion is."""
    return (bench.task().summary.get("completing") or {}).get("phase")


def is_off_or_waits(event: dict[str, Any]) -> bool:
    """Tell whether a completion was called off, or waits for the source to take its fence down and let links go on."""
    return any(is_message(words)(event) for words in ("called off", "cannot be undone", "the links cannot go on"))


@pytest.mark.parametrize("engine", ["subscription", "stream"])
def test_changes_and_the_cutover_outlive_a_line_that_is_cut(
    lab: Lab, lab_bench: LabBench, application: Application, engine: str
) -> None:
    running = syncing(lab_bench, following(lab_bench, engine, retry="2s"))
    with lab.cut("target"):
        goes_on_writing(application)
        done = running.end()
    assert done.code == 4, done.said
    running = syncing(lab_bench, following(lab_bench, engine, retry="60s"))
    with ThreadPoolExecutor(1) as beside:
        asking = beside.submit(lab_bench.run, "complete", "move")
        eventually(lambda: phase(lab_bench) not in {None, "waiting", "gating"})
        with lab.cut("source"):
            assert running.wait_for(is_off_or_waits), running.end().said
        asked = asking.result()
    assert asked.code == 5, asked.said
    again = lab_bench.run("complete", "move")
    done = running.end()
    assert (again.code, done.code) == (0, 0), again.said + done.said
    application.stop()
    assert application.refusals, "the fence held"
    lab_bench.on_source(None, "alter database shop reset default_transaction_read_only")
    lab_bench.on_source("shop", "refresh materialized view public.total")
    assert lab_bench.differences() == []
    assert lab_bench.memory_left() == []
