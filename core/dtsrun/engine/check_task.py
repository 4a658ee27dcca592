"""The prechecks alone, as `dtsrun check` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dtsrun.api import Spec
from dtsrun.engine.asking import Known
from dtsrun.engine.ends import home_folder, open_ends, read_spec, task_folder
from dtsrun.engine.face import Ended, Listener, RunOptions
from dtsrun.engine.lock import holder, runner_lock
from dtsrun.engine.policy import ties_of
from dtsrun.engine.prechecking import describe, make_checks, save_checks, verdict
from dtsrun.engine.prepare import Preparation
from dtsrun.engine.states import RESUMABLE, UNBEGUN
from dtsrun.errors import TaskBusyError
from dtsrun.journal import Journal
from dtsrun.postgres.session import runner_name


def check_task(spec_path: Path, options: RunOptions, listener: Listener) -> Ended:
    """Make the prechecks alone; nothing is moved. The journal remembers what came of all of them.

    Raises:
        SpecError: the task of the spec is at work.
    """
    spec, registry = read_spec(spec_path)
    _refuse_begun(spec.task.name, listener)
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


def _refuse_begun(name: str, listener: Listener) -> None:
    """Refuse to check what is being moved: its own objects and links would be found in the way, with statements that
    drop them."""
    home = home_folder()
    with Journal.open(home) as journal:
        task = journal.task(name)
    if task is None or task.state not in RESUMABLE:
        return
    Known(task, holder(task_folder(home, name))).allow("check")
    listener.on_message(
        f"task {name} is {task.state.replace('_', ' ')}: what it has made on the target is found to be in the way,"
        " do not drop it"
    )


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
