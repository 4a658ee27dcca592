"""The report as calm plain text for the terminal: what is wrong first, then what moved, the proof, and what is next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from dtsrun.api import Difference, Failure
from dtsrun.report.aligned import aligned_lines, aligned_title
from dtsrun.report.columns import columns, paragraph, section
from dtsrun.report.data import Epoch, Proof, Report, RunningStep, TableFigures
from dtsrun.report.figures import (
    ago_text,
    clock_text,
    count_text,
    moment_text,
    plural,
    rate_text,
    seconds_text,
    size_text,
)
from dtsrun.report.findings import findings_text
from dtsrun.report.followed import drift_lines, link_lines, links_title
from dtsrun.report.holds import hold_texts, hold_title
from dtsrun.report.stages import StageFigures
from dtsrun.report.tasks import state_text

MOST_LINES = 20
"""Failures, differences and the like that the terminal shows; JSON and the page show all."""
MOST_TABLES = 5
PROOFS: Final = {
    "object.tables": "{tables} {compared}, {rows}",
    "object.sequences": "{sequences} compared",
    "object.large_objects": "{large_objects} compared",
    "object.materialized_views": "{views} compared",
    "object.roles": "roles, their memberships and settings compared",
    "object.databases": "owner, grants and settings of {databases} compared",
    "stage.verify": "definitions of {databases} compared",
}
"""What a comparison of a plugin compares."""
COMPARED: Final = {
    "full": "compared by the content of every row",
    "sample": "compared by a sample of their rows",
    "rows": "compared by the number of their rows alone",
}
"""Modes of verification; what is said must not be more than what was done."""


def report_text(report: Report) -> str:
    """Return the whole report."""
    lines = [
        headline(report),
        "",
        *columns(_facts(report)),
        *section(_titled("Could not be moved", len(report.failures)), failure_lines(report.failures)),
        *section(_titled("Waited for what could not be moved", len(report.blocked)), _listed(report.blocked)),
        *section(_titled("Differences", len(report.differences)), difference_lines(report.differences)),
        *section("Prechecks", findings_text(report.findings, passed=False)),
        *section(_titled("Running", len(report.running)), running_lines(report)),
        *section(links_title(report.links), link_lines(report.links)),
        *section(_titled("Drifted on the source", len(report.drifted)), drift_lines(report.drifted, report.task)),
        *section("How it was proved", proof_lines(report)),
        *section("Time", _stage_lines(report.stages)),
        *section("Largest tables", _table_lines(report)),
        *section(hold_title(report.holds), _listed(hold_texts(report.holds))),
        *section("Gates of the cutover", gate_lines(report)),
        *section(aligned_title(report.aligned), [*aligned_lines(report.aligned)]),
        *section("Snapshots", epoch_lines(report)),
        *section(_titled("Done otherwise than on the source", len(report.deviations)), _deviations(report)),
        *section(_titled("Not moved", len(report.left_out)), _listed(report.left_out)),
        *section("Next", [line for text in report.next_steps for line in paragraph(text, label="- ")]),
        *section("To look", [f"  {line}" for note in report.notes for line in note.splitlines()]),
        *section("Report", columns(report.paths.items())),
    ]
    return "\n".join(lines)


def gate_lines(report: Report) -> list[str]:
    """Return one line for each gate, and one for each thing that it found."""
    lines = columns([(str(gate["outcome"]), str(gate["gate"]), str(gate["reason"])) for gate in report.gates])
    return [*lines, *(f"  {text}" for gate in report.gates for text in gate["said"])]


def headline(report: Report) -> str:
    """Return the one line that says how it went."""
    took = f" after {seconds_text(report.seconds)} of work" if report.bars else ""
    state, *more = state_words(report)
    return f"{report.task}: " + ", ".join([state + took, *more])


def state_words(report: Report) -> list[str]:
    """Return the state in words, and what a bare `succeeded` or `failed` would hide."""
    words = [state_text(report.state, report.is_abandoned, report.starts_at)]
    if report.failures:
        words.append(f"{plural(len(report.failures), 'object')} could not be moved")
    if report.differences:
        words.append(plural(len(report.differences), "difference") + " found")
    return words


def moved_text(report: Report) -> str:
    """Return `1 database, 41 tables, 1,003,211 rows, 312 MB`."""
    totals = report.totals
    rows = [plural(totals.tables, "table"), plural(totals.rows, "row"), size_text(totals.bytes)]
    return ", ".join([plural(totals.databases, "database"), *(rows if totals.tables or totals.rows else ())])


def proof_text(proof: Proof) -> str:
    """Return `41 tables compared by the content of every row, 1,003,211 rows`."""
    pattern = PROOFS.get(proof.plugin, f"{{comparisons}} of {proof.plugin}")
    text = pattern.format(
        tables=plural(proof.done, "table"),
        databases=plural(proof.done, "database"),
        views=plural(proof.done, "materialized view"),
        comparisons=plural(proof.done, "comparison"),
        sequences=plural(proof.rows, "sequence"),
        large_objects=plural(proof.rows, "large object"),
        rows=plural(proof.rows, "row"),
        compared=COMPARED.get(proof.mode, "compared"),
    )
    pending = proof.total - proof.done
    return f"{text}; {plural(pending, 'comparison')} not done" if pending else text


def proof_lines(report: Report) -> list[str]:
    """Return how both ends were compared and what came of it; nothing where they were not."""
    if not report.proofs:
        return []
    return [*(f"  {proof_text(proof)}" for proof in report.proofs), f"  {verdict(report)}"]


def verdict(report: Report) -> str:
    """Return what the comparison says in all."""
    if report.differences:
        return f"{plural(len(report.differences), 'difference')} found"
    if any(proof.done < proof.total for proof in report.proofs):
        return "the comparison is not complete"
    return "no difference"


def failure_lines(failures: Sequence[tuple[str, Failure]]) -> list[str]:
    """Return failures by object, with the server's own words and the hint."""
    lines: list[str] = []
    for _, failure in failures[:MOST_LINES]:
        lines.append(f"  {failure.object}")
        lines += paragraph(failure.message, indent=4)
        lines += paragraph(failure.hint, indent=4, label="hint: ") if failure.hint else []
    return lines + _and_more(failures)


def difference_lines(differences: Sequence[Difference]) -> list[str]:
    """Return differences with both values."""
    lines: list[str] = []
    for difference in differences[:MOST_LINES]:
        lines.append(f"  {difference_title(difference)}")
        lines += paragraph(difference.source, indent=4, label="source  ")
        lines += paragraph(difference.target, indent=4, label="target  ")
        lines += paragraph(difference.note, indent=4, label="note    ") if difference.note else []
    return lines + _and_more(differences)


def difference_title(difference: Difference) -> str:
    """Return `shop: TABLE public.orders, row (id)=(42)`."""
    place = f"{difference.database}: " if difference.database else ""
    key = f" {difference.key}" if difference.key else ""
    return f"{place}{difference.object}, {difference.aspect}{key}"


def epoch_lines(report: Report) -> list[str]:
    """Return which databases were copied in more than one snapshot, and what that means."""
    lines: list[str] = []
    for database, epochs in report.epochs_by_database.items():
        lines += paragraph(
            f"{database} was copied in {plural(len(epochs), 'snapshot')}: each table is exact in itself, but tables of"
            " different snapshots show the source at different moments",
        )
        lines += columns([_epoch_cells(epoch) for epoch in epochs], indent=4)
    return lines


def epoch_title(epoch: Epoch) -> str:
    """Return `snapshot 2, from 14:03:11`."""
    return f"snapshot {epoch.number}" + (f", from {clock_text(epoch.started_at)}" if epoch.started_at else "")


def _epoch_cells(epoch: Epoch) -> tuple[str, str, str]:
    return (epoch_title(epoch), plural(epoch.steps, "step"), plural(epoch.rows, "row"))


def _facts(report: Report) -> Iterable[tuple[str, str]]:
    yield ("from", str(report.source))
    yield ("to", str(report.target))
    yield ("moved", moved_text(report))
    if report.totals.objects:
        kinds = plural(len(report.totals.objects), "kind")
        yield ("objects", f"{count_text(sum(report.totals.objects.values()))} of {kinds}")
    yield ("when", period_text(report))
    yield ("type", report.migration_type.replace("_", " + "))
    if report.checked_at:
        yield ("checked", checked_text(report))


def period_text(report: Report) -> str:
    """Return from when until when."""
    if report.finished_at is None:
        return f"since {moment_text(report.started_at)}"
    return f"{moment_text(report.started_at)} until {moment_text(report.finished_at, since=report.started_at)}"


def checked_text(report: Report) -> str:
    """Return when the checks were made, and the beginning of the hash that says of what."""
    of_what = f", spec, policy and structure {report.tied_to[:12]}" if report.tied_to else ""
    return f"{moment_text(report.checked_at)}{of_what}" if report.checked_at else ""


def _stage_lines(stages: Sequence[StageFigures]) -> list[str]:
    headers = ("stage", "steps", "time", "work", "rows", "bytes", "rate")
    return columns([_stage_cells(stage) for stage in stages], headers=headers)


def _stage_cells(stage: StageFigures) -> tuple[str, ...]:
    return (stage.name, steps_text(stage), *stage_figures_text(stage))


def steps_text(stage: StageFigures) -> str:
    """Return `77`, or `12/77` where not all are done."""
    done = stage.steps.get("done", 0) + stage.steps.get("skipped", 0)
    return count_text(done) if done == stage.total else f"{done}/{stage.total}"


def stage_figures_text(stage: StageFigures) -> tuple[str, str, str, str, str]:
    """Return time, work, rows, bytes and rate; `-` where there is none."""
    return (
        seconds_text(stage.seconds or None),
        seconds_text(stage.work_seconds or None),
        count_text(stage.rows or None),
        size_text(stage.bytes or None),
        rate_text(stage.rate),
    )


def running_lines(report: Report) -> list[str]:
    """Return the steps that run, those that began first at the top."""
    running = sorted(report.running, key=lambda step: step.started_at or datetime.max.replace(tzinfo=UTC))
    return columns([running_cells(step) for step in running[:MOST_LINES]]) + _and_more(running)


def running_cells(step: RunningStep) -> tuple[str, str, str]:
    """Return name, size and how long it has been running."""
    place = f"{step.database}: " if step.database else ""
    return (f"{place}{step.title}", size_text(step.size or None), ago_text(step.started_at, datetime.now(UTC)))


def _table_lines(report: Report) -> list[str]:
    cells = [table_cells(report, table) for table in report.largest[:MOST_TABLES]]
    return columns(cells, headers=("table", "rows", "bytes", "time", "rate", "way"))


def table_cells(report: Report, table: TableFigures) -> tuple[str, ...]:
    """Return name, rows, bytes, time, rate and way; the database is named where there are several."""
    place = f"{table.database}: " if table.database and report.totals.databases > 1 else ""
    return (
        f"{place}{table.title}",
        count_text(table.rows),
        size_text(table.bytes),
        seconds_text(table.seconds or None),
        rate_text(table.rate),
        table.way or "-",
    )


def _deviations(report: Report) -> list[str]:
    return _listed([deviation_text(d.database, d.object, d.message) for d in report.deviations])


def deviation_text(database: str | None, subject: str, message: str) -> str:
    """Return `shop: TABLE public.t: its tablespace is the default one`."""
    return ": ".join(part for part in (database, subject, message) if part)


def _listed(items: Sequence[str]) -> list[str]:
    lines = [line for item in items[:MOST_LINES] for line in paragraph(item, label="- ")]
    return lines + _and_more(items)


def _and_more(items: Sequence[object]) -> list[str]:
    hidden = len(items) - MOST_LINES
    return [f"  and {count_text(hidden)} more (see the report)"] if hidden > 0 else []


def _titled(title: str, count: int) -> str:
    return f"{title} ({count_text(count)})"
