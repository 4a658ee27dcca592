"""A plan before anything runs: how many steps, how much to move, in which order, and what it locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dtsrun.api import Inventory, Lane, Spec, Step
from dtsrun.plan import Plan
from dtsrun.report.columns import columns, paragraph, section
from dtsrun.report.figures import count_text, plural, size_text
from dtsrun.report.stages import stage_order

MOST_TABLES: Final = 10
MOST_STEPS: Final = 40
MOST_LEFT_OUT: Final = 20
LANE_WORDS: Final = {
    Lane.STRUCTURE: "catalog changes",
    Lane.COPY: "rows and large objects",
    Lane.INDEX: "indexes, constraints, refreshes",
    Lane.VERIFY: "comparison of both ends",
}
LOCKS: Final = (
    "source: reading the definitions and copying take ACCESS SHARE on each table. Reading and writing go on; ALTER,"
    " DROP, TRUNCATE, VACUUM FULL and the like wait, and whatever comes behind them waits too.",
    "source: the snapshot is held until the copy ends, so that VACUUM cannot remove what died since.",
    "target: building an index takes SHARE on its table, a foreign key SHARE ROW EXCLUSIVE on both of its tables.",
)
"""The manual's chapter on explicit locking, for what the steps of a migration do."""


def plan_text(spec: Spec, inventory: Inventory, plan: Plan, *, every_step: bool = False) -> str:
    """Return the plan for the terminal; `every_step` lists all steps instead of the first ones."""
    steps = [plan.steps[key] for key in plan.order]
    lines = [
        f"{spec.task.name}: {plural(len(steps), 'step')}, {size_text(_size(steps, Lane.COPY))} to copy",
        "",
        *columns(_facts(spec, inventory, plan)),
        *section("Stages", _stage_lines(steps)),
        *section("Lanes", _lane_lines(plan, steps)),
        *section("Largest tables", _largest(steps)),
        *section("Formats", _formats(steps)),
        *section("Foreign keys", _trust(steps)),
        *section("Order", _order(steps, len(steps) if every_step else MOST_STEPS)),
        *section("Locks", _locks(steps)),
        *section(f"Not moved ({len(inventory.left_out)})", _left_out(inventory.left_out)),
    ]
    return "\n".join(lines)


def plan_data(spec: Spec, inventory: Inventory, plan: Plan) -> dict[str, Any]:
    """Return the whole plan as JSON values."""
    resources = plan.resources or spec.resources
    return {
        "dtsrun_plan": 1,
        "task": spec.task.name,
        "digest": plan.digest,
        "inventory": inventory.digest,
        "copy_at_once": resources.copy,
        "index_at_once": resources.index,
        "left_out": list(inventory.left_out),
        "steps": plan.as_data(),
    }


def _facts(spec: Spec, inventory: Inventory, plan: Plan) -> Iterable[tuple[str, str]]:
    for database in inventory.databases.values():
        renamed = "" if database.target == database.name else f" as {database.target}"
        yield ("database", f"{database.name}{renamed}, {size_text(database.bytes)}, {_contents(database.entries)}")
    yield ("type", spec.migration_type.value.replace("_", " + "))
    yield ("roles", count_text(len(inventory.roles)))
    yield ("plan", plan.digest[:12])


def _contents(entries: Any) -> str:
    return plural(len(entries), "definition")


def _size(steps: Iterable[Step], lane: Lane) -> int:
    return sum(step.size for step in steps if step.lane == lane)


def _stage_lines(steps: Sequence[Step]) -> list[str]:
    by_stage: dict[str, list[Step]] = {}
    for step in steps:
        by_stage.setdefault(step.stage, []).append(step)
    rows = [_stage_cells(stage, by_stage[stage]) for stage in sorted(by_stage, key=stage_order)]
    return columns(rows, headers=("stage", "steps", "reads", "of plugins"))


def _stage_cells(stage: str, steps: Sequence[Step]) -> tuple[str, str, str, str]:
    plugins = Counter(step.plugin for step in steps)
    names = ", ".join(f"{name} ({count})" for name, count in plugins.most_common())
    return (stage, count_text(len(steps)), size_text(sum(step.size for step in steps) or None), names)


def _lane_lines(plan: Plan, steps: Sequence[Step]) -> list[str]:
    counts = Counter(step.lane for step in steps)
    rows = [(lane.value, plural(counts[lane], "step"), LANE_WORDS[lane]) for lane in Lane if counts[lane]]
    return [*columns(rows), *paragraph(plan.resources_said)]


def _largest(steps: Sequence[Step]) -> list[str]:
    copies = sorted((s for s in steps if s.lane == Lane.COPY and s.size), key=lambda step: -step.size)
    return columns([(step_title(step), size_text(step.size)) for step in copies[:MOST_TABLES]])


def _formats(steps: Sequence[Step]) -> list[str]:
    """Return how many tables travel in which format, and which of them as text because of what."""
    tables = [
        (step, table) for step in steps if step.lane == Lane.COPY for table in step.args.get("tables", [step.args])
    ]
    binary = sum(table.get("format") == "binary" for _, table in tables)
    lines = [f"  {plural(binary, 'table')} in binary"] if binary else []
    text = [(step, table) for step, table in tables if table.get("format_reason")]
    for step, table in text[:MOST_TABLES]:
        name = f"{step.database}: {table['schema']}.{table['name']}"
        lines += paragraph(f"{name} as text: {table['format_reason']}", label="- ")
    hidden = len(text) - MOST_TABLES
    return [*lines, f"  and {count_text(hidden)} more as text (--format json lists them)"] if hidden > 0 else lines


def _trust(steps: Sequence[Step]) -> list[str]:
    """Return which tables' foreign keys are taken on trust."""
    names = [f"{s.database}: {t['schema']}.{t['name']}" for s in _copies(steps) for t in _tables(s) if t.get("trusts")]
    trusting = list(dict.fromkeys(names))
    if not trusting:
        return []
    more = f" and {count_text(len(trusting) - MOST_TABLES)} more" if trusting[MOST_TABLES:] else ""
    text = (
        f"taken on the source's word, made before the rows come: those of {', '.join(trusting[:MOST_TABLES])}{more}."
        " Others are checked."
    )
    return paragraph(text, label="- ")


def _copies(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.lane == Lane.COPY]


def _tables(step: Step) -> Sequence[Mapping[str, Any]]:
    """Return the descriptions of the tables that a step copies."""
    found: Sequence[Mapping[str, Any]] = step.args.get("tables", [step.args])
    return found


def _order(steps: Sequence[Step], most: int) -> list[str]:
    rows = [_order_cells(number, step) for number, step in enumerate(steps[:most], start=1)]
    lines = columns(rows, headers=("", "stage", "step", "size", "waits for"))
    hidden = len(steps) - most
    return [*lines, f"  and {plural(hidden, 'step')} more (--all lists them)"] if hidden > 0 else lines


def _order_cells(number: int, step: Step) -> tuple[str, ...]:
    waits = plural(len(step.after), "step") if step.after else ""
    return (count_text(number), step.stage, step_title(step), size_text(step.size or None), waits)


def step_title(step: Step) -> str:
    """Return what a step is called, with its database."""
    place = f"{step.database}: " if step.database else ""
    return f"{place}{step.title}" if step.title else step.key


def _locks(steps: Sequence[Step]) -> list[str]:
    lines = [line for text in LOCKS for line in paragraph(text, label="- ")]
    shared = Counter(name for step in steps for name in set(step.locks))
    excluding = sum(count > 1 for count in shared.values())
    if excluding:
        noun = plural(excluding, "object")
        text = f"dtsrun: steps that need the same lock never run at once; that concerns {noun} here."
        lines += paragraph(text, label="- ")
    return lines


def _left_out(items: Sequence[str]) -> list[str]:
    lines = [line for item in items[:MOST_LEFT_OUT] for line in paragraph(item, label="- ")]
    hidden = len(items) - MOST_LEFT_OUT
    return [*lines, f"  and {count_text(hidden)} more (--format json lists them)"] if hidden > 0 else lines
