"""The prechecks of a task: made, judged and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dtsrun.api import Check, CheckResult, Precheck, Spec
from dtsrun.engine.checking import Checking
from dtsrun.engine.checks import alarms, blocking, run_checks
from dtsrun.engine.ends import SIDES, Ends, home_folder, open_ends, read_spec, task_folder
from dtsrun.engine.face import Confirm, Ended, Listener, RunOptions
from dtsrun.engine.lock import runner_lock
from dtsrun.engine.policy import Policy, Ties, ties_of
from dtsrun.engine.prepare import Preparation
from dtsrun.engine.sql_checks import sql_checks
from dtsrun.engine.states import UNBEGUN
from dtsrun.errors import BlockingFindings, DtsrunError, TaskBusyError
from dtsrun.inventory import matches
from dtsrun.journal import Journal
from dtsrun.postgres.session import runner_name
from dtsrun.registry import Registry


def check_task(spec_path: Path, options: RunOptions, listener: Listener) -> Ended:
    """Make the prechecks alone; nothing is moved. The journal remembers what came of all of them."""
    spec, registry = read_spec(spec_path)
    with open_ends(spec, registry) as ends:
        preparation = Preparation(ends)
        results = make_checks(preparation, options, listener)
        described = describe(ends)
    inventory = preparation.known_inventory
    ended = Ended(
        spec.task.name,
        home_folder(),
        checks=results,
        error=verdict(spec, results, lambda alarmed: True),
        ties=ties_of(spec, inventory),
        databases={name: database.target for name, database in inventory.databases.items()} if inventory else {},
    )
    if not (options.only or options.skip):
        _remember_checks(spec, ended, described)
    return ended


def _remember_checks(spec: Spec, ended: Ended, described: Mapping[str, Any]) -> None:
    """Write into the journal what came of the checks, unless the task's work has begun: then its own are kept."""
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(ended.home))
        known = journal.task(ended.task)
        if known is not None and known.state not in UNBEGUN:
            return
        try:
            stack.enter_context(runner_lock(task_folder(ended.home, ended.task), ended.task))
        except TaskBusyError:
            return  # whoever runs it now remembers its own checks
        journal.begin_task(
            ended.task,
            spec_path=spec.path.resolve(),
            digest=spec.digest,
            migration_type=spec.migration_type.value,
            runner=runner_name(),
        )
        journal.set_summary(ended.task, **described)
        save_checks(journal, ended.task, ended.checks, ended.ties)
        journal.set_state(ended.task, "check_failed" if ended.error else "check_passed")


def save_checks(journal: Journal, task: str, results: Sequence[CheckResult], ties: Ties | None) -> None:
    """Remember what came of the checks, when, and what they are tied to."""
    journal.save_checks(task, results)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    journal.set_summary(task, checked={"at": made_at, **(ties.as_data() if ties else {})})


def make_checks(preparation: Preparation, options: RunOptions, listener: Listener) -> list[CheckResult]:
    """Make the prechecks that the options and the policy leave."""
    spec = preparation.ends.spec
    registry = preparation.ends.registry
    chosen = [c for c in all_checks(spec, registry) if is_chosen(c, options)]
    origins = {**registry.origins, **{check.name: "the policy" for check in sql_checks(spec.policy)}}
    checking = Checking(preparation)
    listener.on_message(f"checking both ends: {len(chosen)} checks")
    try:
        return run_checks(
            chosen, Policy.of(spec), spec.migration_type, checking.context, origin_of=lambda name: origins.get(name, "")
        )
    finally:
        checking.close()


def all_checks(spec: Spec, registry: Registry) -> Sequence[Precheck]:
    """Return the checks of all plugins, and those that the policy holds as queries."""
    return (*registry.prechecks, *sql_checks(spec.policy))


def verdict(spec: Spec, results: Sequence[CheckResult], confirm: Confirm) -> DtsrunError | None:
    """Return why the results stop the task, None where they do not."""
    found = blocking(results)
    if found:
        return _blocking_error(found)
    alarmed = alarms(results)
    mode = Policy.of(spec).alarms
    if not alarmed or mode == "continue":
        return None
    if mode == "confirm" and confirm(alarmed):
        return None
    names = ", ".join(result.check for result in alarmed)
    return BlockingFindings(f"alarms were not accepted: {names}", hint="accept them with --yes, or by the policy")


def describe(ends: Ends) -> Mapping[str, Any]:
    """Return the ends as the report knows them."""
    return {s: {"description": ends.routes[s].description, "version": ends.facts[s].release} for s in SIDES}


def _blocking_error(found: Sequence[CheckResult]) -> BlockingFindings:
    names = ", ".join(result.check for result in found)
    return BlockingFindings(f"{len(found)} of the prechecks failed: {names}", hint="mend them, and check again")


def is_chosen(check: Check[Any], options: RunOptions) -> bool:
    """Tell whether the options of the command line leave a check in."""
    names = (check.name, check.short_name)
    wanted = not options.only or any(matches(pattern, name) for pattern in options.only for name in names)
    return wanted and not any(matches(pattern, name) for pattern in options.skip for name in names)
