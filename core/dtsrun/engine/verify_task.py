"""A run that compares both ends and moves nothing.

While another process follows the changes of the task, rows are compared live: what differs only because a change is
on its way is no difference.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from dtsrun.engine.ends import home_folder, read_spec, task_folder, verification_name
from dtsrun.engine.face import Ended, Listener, RunOptions
from dtsrun.engine.lock import holder, runner_lock
from dtsrun.engine.run import Run
from dtsrun.journal import Journal
from dtsrun.plan import Plan


def verify_task(spec_path: Path, listener: Listener) -> Ended:
    """Compare both ends; nothing is moved."""
    spec, registry = read_spec(spec_path)
    home, name = home_folder(), verification_name(spec.task.name)
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        stack.enter_context(runner_lock(task_folder(home, name), name))
        journal.forget_task(name)
        run = Run(spec, registry, journal, RunOptions(), listener, lambda _: True, name=name)
        return run.verify(_followed_plan(journal, spec.task.name))


def _followed_plan(journal: Journal, task: str) -> Plan | None:
    """Return the plan of a task whose changes are followed at this moment, None where they are not."""
    known, data = journal.task(task), journal.plan(task)
    if known is None or data is None or known.state != "syncing" or holder(task_folder(journal.home, task)) is None:
        return None
    return Plan.from_data(data)
