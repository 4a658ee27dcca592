"""A task as a journal remembers it, with the clock in the test's hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import (
    CheckResult,
    Deviation,
    Difference,
    Failure,
    Finding,
    Fix,
    Lane,
    Outcome,
    Step,
    StepResult,
)
from dtsrun.journal import Journal

START = datetime(2026, 11, 22, 14, 3, 11, tzinfo=UTC)
LANES = {"structure": Lane.STRUCTURE, "full": Lane.COPY, "indexes": Lane.INDEX, "verify": Lane.VERIFY}
MB = 1024 * 1024


@dataclass
class Story:
    """Writes a task into a journal as a run of it would, at moments that the test chooses."""

    journal: Journal
    clock: dict[str, datetime]
    name: str = "shop-to-cloud"
    steps: list[Step] = field(default_factory=list)

    def at(self, seconds: float) -> None:
        """Set the clock, in seconds since the start."""
        self.clock["now"] = START + timedelta(seconds=seconds)

    def begin(self, **summary: Any) -> None:
        """Begin the task and remember its ends."""
        self.journal.begin_task(
            self.name, spec_path=Path("shop.yaml"), digest="4f1d" * 16, migration_type="full", runner="runner-1:4711"
        )
        ends = {"source": ("db.example.com:5432 as migrator", "16.14"), "target": ("10.0.3.7:5432 as root", "18.1")}
        facts = {side: {"description": text, "version": version} for side, (text, version) in ends.items()}
        self.journal.set_summary(self.name, **{**facts, **summary})

    def plan(self, *steps: tuple[str, str, str]) -> None:
        """Plan steps: (stage, plugin, title), all in the database `shop`."""
        self.steps = [
            Step(
                key=f"shop/{stage}/{title}",
                stage=stage,
                plugin=plugin,
                action="do",
                database="shop",
                title=title,
                lane=LANES[stage],
            )
            for stage, plugin, title in steps
        ]
        self.journal.save_plan(self.name, self.steps, [])

    def run(
        self,
        title: str,
        start: float,
        end: float,
        result: StepResult | None = None,
        *,
        state: str = "done",
        epoch: int | None = 1,
    ) -> None:
        """Run a planned step from one second to another."""
        key = next(step.key for step in self.steps if step.title == title)
        self.at(start)
        self.journal.step_started(self.name, key, "worker-1", epoch)
        self.at(end)
        self.journal.step_finished(self.name, key, state, result)

    def finish(self, state: str, seconds: float) -> None:
        """Set the task's state."""
        self.at(seconds)
        self.journal.set_state(self.name, state)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    with Journal.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def story(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A task that has not begun."""
    clock = {"now": START}
    monkeypatch.setattr("dtsrun.journal.file._now", lambda: clock["now"].isoformat())
    return Story(journal, clock)


@pytest.fixture
def moved(story: Story) -> Story:
    """Two tables moved, indexed and compared, without any trouble."""
    story.begin()
    story.plan(
        ("structure", "stage.structure", "types and tables"),
        ("full", "object.tables", "copy sales.orders"),
        ("full", "object.tables", "copy sales.customers"),
        ("indexes", "stage.indexes", "index sales.orders_pkey"),
        ("verify", "object.tables", "compare sales.orders"),
        ("verify", "object.tables", "compare sales.customers"),
    )
    story.run("types and tables", 0, 1)
    story.run("copy sales.orders", 1, 9, StepResult(rows=1_000_000, bytes=240 * MB))
    story.run("copy sales.customers", 1, 3, StepResult(rows=40_000, bytes=10 * MB))
    story.run("index sales.orders_pkey", 9, 11)
    story.run("compare sales.orders", 11, 13, StepResult(rows=1_000_000, bytes=240 * MB))
    story.run("compare sales.customers", 11, 12, StepResult(rows=40_000, bytes=10 * MB))
    story.finish("succeeded", 13)
    return story


@pytest.fixture
def troubled(story: Story) -> Story:
    """A task with something of everything that a report has to say."""
    story.begin(left_out=["extension pg_cron: excluded by the spec"], notes=["psql service=shop_target"])
    story.plan(
        ("structure", "stage.structure", "types and tables"),
        ("full", "object.tables", "copy sales.orders"),
        ("indexes", "stage.indexes", "view sales.revenue"),
        ("verify", "object.tables", "compare sales.orders"),
    )
    failure = Failure(
        object="VIEW sales.revenue", message='42883: function f("x") does not exist', hint="create f first"
    )
    deviation = Deviation(database="shop", object="TABLE sales.orders", message="its tablespace is the default one")
    difference = Difference(
        database="shop",
        object="TABLE sales.orders",
        aspect="row",
        key="(id)=(42)",
        source="paid",
        target="open",
        note="the source was written to since",
    )
    story.run("types and tables", 0, 1, StepResult(deviations=(deviation,)))
    story.run("copy sales.orders", 1, 9, StepResult(rows=1000, bytes=MB))
    story.run("view sales.revenue", 9, 10, StepResult(failures=(failure,)), state="failed")
    story.run("compare sales.orders", 10, 11, StepResult(rows=1000, differences=(difference,)))
    story.journal.save_checks(story.name, checks())
    story.finish("failed", 12)
    return story


def checks() -> list[CheckResult]:
    """One check of each outcome, the best first."""
    fix = Fix(text="grant what is missing", sql=('grant select on "s"."t" to migrator',), side="source")
    slow = Fix(text="raise it", side="target", takes_effect="restart")
    missing = Finding(subject="sales.orders", message="not readable", observed="no SELECT", expected="SELECT", fix=fix)
    narrow = Finding(subject="target", message="max_locks_per_transaction is low", observed="64", fix=slow)
    return [
        CheckResult(check="precheck.connect", title="both ends answer", side="both", outcome=Outcome.PASSED),
        CheckResult(
            check="precheck.slots", title="slots are free", side="source", outcome=Outcome.SKIPPED, reason="type full"
        ),
        CheckResult(
            check="precheck.locks", title="locks suffice", side="target", outcome=Outcome.ALARM, findings=(narrow,)
        ),
        CheckResult(
            check="precheck.space",
            title="the target has room",
            side="target",
            outcome=Outcome.UNDETERMINED,
            reason="pg_monitor is not granted",
        ),
        CheckResult(
            check="precheck.read", title="all is readable", side="source", outcome=Outcome.FAILED, findings=(missing,)
        ),
    ]
