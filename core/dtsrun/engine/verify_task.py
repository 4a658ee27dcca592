"""A run that compares both ends and moves nothing."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from dtsrun.engine.ends import home_folder, read_spec, task_folder
from dtsrun.engine.face import Ended, Listener, RunOptions
from dtsrun.engine.lock import runner_lock
from dtsrun.engine.run import Run
from dtsrun.journal import Journal


def verify_task(spec_path: Path, listener: Listener) -> Ended:
    """Compare both ends; nothing is moved."""
    spec, registry = read_spec(spec_path)
    home, name = home_folder(), f"{spec.task.name}.verify"
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        stack.enter_context(runner_lock(task_folder(home, name), name))
        journal.forget_task(name)
        return Run(spec, registry, journal, RunOptions(), listener, lambda _: True, name=name).verify()
