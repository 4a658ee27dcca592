"""The report, made from what the journal remembers: so it can be made again long after the servers are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dtsrun.errors import SpecError
from dtsrun.journal import Journal, StepRecord, TaskRecord
from dtsrun.report.aligned import aligned_of
from dtsrun.report.data import Bar, End, Epoch, Proof, Report, RunningStep, TableFigures, Totals
from dtsrun.report.findings import worst_first
from dtsrun.report.followed import drifted, links_of
from dtsrun.report.holds import holds_of
from dtsrun.report.next_steps import next_steps
from dtsrun.report.stages import rows_of_tables, stage_figures, step_interval, step_seconds
from dtsrun.report.tasks import allowed_of, is_abandoned, starts_at
from dtsrun.report.tracker import TABLES

MOST_TABLES: Final = 10
"""How many of the largest and of the slowest tables are named."""


def build_report(journal: Journal, task_name: str) -> Report:
    """Return the report of a task, finished or not. Raises SpecError where there is no such task."""
    task = find_task(journal, task_name)
    steps = journal.steps(task_name)
    copies = tuple(_table(step) for step in steps if _is_table_copy(step))
    differences = tuple(journal.differences(task_name))
    failures = tuple(journal.failures(task_name))
    summary = task.summary
    checked: Mapping[str, Any] = summary.get("checked") or {}
    return Report(
        task=task.name,
        id=task.id,
        state=task.state,
        is_abandoned=is_abandoned(task),
        allowed=allowed_of(task),
        starts_at=starts_at(task),
        migration_type=task.migration_type,
        spec_path=task.spec_path,
        digest=task.digest,
        checked_at=_moment(checked.get("at")),
        tied_to=str(checked.get("digest", "")),
        runner=task.runner,
        started_at=task.started_at,
        finished_at=task.finished_at,
        source=_end(summary.get("source")),
        target=_end(summary.get("target")),
        totals=_totals(steps, summary),
        stages=stage_figures(steps),
        running=tuple(_running(step) for step in steps if step.state == "running"),
        largest=_top(copies, lambda table: table.bytes),
        slowest=_top(copies, lambda table: table.seconds),
        findings=worst_first(journal.findings(task_name)),
        deviations=tuple(journal.deviations(task_name)),
        failures=failures,
        differences=differences,
        blocked=tuple(step.title or step.key for step in steps if step.state == "blocked"),
        proofs=_proofs(steps, str(summary.get("verify_mode", ""))),
        epochs=_epochs(steps),
        aligned=tuple(aligned_of(steps, journal.alignments(task_name))),
        holds=holds_of(journal, task_name),
        links=links_of(task),
        drifted=drifted(journal, task),
        gates=tuple(summary.get("gates", ())),
        left_out=tuple(summary.get("left_out", ())),
        notes=tuple(summary.get("notes", ())),
        next_steps=next_steps(task, moved=_has_moved(steps), failed=bool(failures), different=bool(differences)),
        paths={str(k): str(v) for k, v in summary.get("paths", {}).items()},
        bars=_bars(steps),
    )


def find_task(journal: Journal, name: str) -> TaskRecord:
    """Return a task by its name. Raises SpecError with the names that there are."""
    task = journal.task(name)
    if task is None:
        known = ", ".join(sorted(other.name for other in journal.tasks()))
        raise SpecError(f"there is no task {name!r}", hint=f"tasks: {known}" if known else "no task was ever run here")
    return task


def _running(step: StepRecord) -> RunningStep:
    return RunningStep(title=step.title or step.key, database=step.database, size=step.size, started_at=step.started_at)


def _is_table_copy(step: StepRecord) -> bool:
    return step.stage == "full" and step.plugin == TABLES and step.state == "done"


def _table(step: StepRecord) -> TableFigures:
    return TableFigures(
        database=step.database,
        title=(step.title or step.key).removeprefix("copy "),
        rows=step.rows,
        bytes=step.bytes,
        seconds=step_seconds(step),
        way=step.message,
    )


def _top(tables: Iterable[TableFigures], figure: Callable[[TableFigures], float]) -> tuple[TableFigures, ...]:
    return tuple(sorted(tables, key=figure, reverse=True)[:MOST_TABLES])


def _totals(steps: Sequence[StepRecord], summary: Mapping[str, Any]) -> Totals:
    copies = [step for step in steps if _is_table_copy(step)]
    moved = [step for step in steps if step.stage == "full"]
    return Totals(
        databases=len({step.database for step in steps if step.database}),
        tables=sum(copy.tables for copy in copies),
        rows=sum(copy.rows for copy in copies),
        bytes=sum(step.bytes for step in moved),
        objects=dict(summary.get("objects", {})),
    )


def _proofs(steps: Iterable[StepRecord], mode: str) -> tuple[Proof, ...]:
    """Return what was compared; nothing as long as no comparison has begun."""
    comparisons = [step for step in steps if step.stage == "verify"]
    if all(step.state in {"waiting", "blocked"} for step in comparisons):
        return ()
    by_plugin: dict[str, list[StepRecord]] = {}
    for step in comparisons:
        by_plugin.setdefault(step.plugin, []).append(step)
    return tuple(_proof(plugin, compared, mode) for plugin, compared in by_plugin.items())


def _proof(plugin: str, steps: Sequence[StepRecord], mode: str) -> Proof:
    return Proof(
        plugin=plugin,
        done=sum(step.tables for step in steps if step.state == "done"),
        total=sum(step.tables for step in steps),
        rows=sum(step.rows for step in steps),
        mode=mode,
    )


def _has_moved(steps: Iterable[StepRecord]) -> bool:
    """Tell whether a task does more than compare (`dtsrun verify` is a task that does not)."""
    stages = {step.stage for step in steps}
    return stages != {"verify"}


def _epochs(steps: Iterable[StepRecord]) -> tuple[Epoch, ...]:
    grouped: dict[tuple[str, int], list[StepRecord]] = {}
    for step in steps:
        if step.stage == "full" and step.database and step.epoch and step.state == "done":
            grouped.setdefault((step.database, step.epoch), []).append(step)
    return tuple(_epoch(database, number, grouped[database, number]) for database, number in sorted(grouped))


def _epoch(database: str, number: int, steps: Sequence[StepRecord]) -> Epoch:
    return Epoch(
        database=database,
        number=number,
        steps=len(steps),
        rows=rows_of_tables(steps),
        started_at=min((step.started_at for step in steps if step.started_at), default=None),
    )


def _bars(steps: Iterable[StepRecord]) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            key=step.key,
            stage=step.stage,
            lane=step.lane,
            title=step.title or step.key,
            state=step.state,
            interval=interval,
        )
        for step in steps
        if (interval := step_interval(step))
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _end(data: Any) -> End:
    if isinstance(data, Mapping):
        return End(description=str(data.get("description", "")), version=str(data.get("version", "")))
    return End(description=str(data or ""))
