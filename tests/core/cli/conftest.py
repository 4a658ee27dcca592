"""A state folder of its own, with a task in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dtsrun.api import Lane, Step, StepResult
from dtsrun.journal import Journal
from dtsrun.postgres.session import runner_name


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of every command of the test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DTSRUN_HOME", str(folder))
    return folder


@pytest.fixture
def journal(home: Path) -> Iterator[Journal]:
    """The journal of that folder."""
    with Journal.open(home) as opened:
        yield opened


@pytest.fixture
def task(journal: Journal) -> str:
    """The name of a task that moved one table and has another one to move."""
    steps = [
        Step(
            key=f"shop/full/{name}",
            stage="full",
            plugin="object.tables",
            action="copy",
            database="shop",
            title=f"copy {name}",
            lane=Lane.COPY,
            size=1000,
        )
        for name in ("orders", "customers")
    ]
    journal.begin_task("shop", spec_path=Path("shop.yaml"), digest="d", migration_type="full", runner=runner_name())
    journal.save_plan("shop", steps, [])
    journal.step_started("shop", steps[0].key, "copy", 1)
    journal.step_finished("shop", steps[0].key, "done", StepResult(rows=7, bytes=900))
    journal.set_state("shop", "paused")
    return "shop"
