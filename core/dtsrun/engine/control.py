"""What can be asked of a task from another terminal, or after it ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from dtsrun.api.plugins import Removable
from dtsrun.engine.ends import SIDES, access_of, home_folder, open_ends, read_spec, task_folder
from dtsrun.engine.lock import lock_on_target, runner_lock
from dtsrun.engine.states import allows
from dtsrun.engine.tidy import tidy
from dtsrun.errors import DtsrunError, MigrationError, SpecError
from dtsrun.journal import Journal, TaskRecord


def spec_of(name: Path) -> Path:
    """Return the spec behind the name of a file or of a task. Raises SpecError."""
    if name.exists():
        return name
    with Journal.open(home_folder()) as journal:
        task = journal.task(str(name))
    if task is None:
        raise SpecError(f"there is no file and no task {str(name)!r}", hint="dtsrun list shows the tasks")
    return Path(task.spec_path)


def pause_task(name: str) -> Iterator[str]:
    """Ask the running process to stop cleanly."""
    with Journal.open(home_folder()) as journal:
        task = _allowed(journal, name, "pause")
        journal.request(name, "pause")
        yield f"asked {task.runner} to pause {name}; run its spec again to continue"


def cleanup_task(name: str) -> Iterator[str]:
    """Remove what a task left on both servers beside what it moved."""
    home = home_folder()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        task = _allowed(journal, name, "cleanup")
        stack.enter_context(runner_lock(task_folder(home, name), name))
        spec, registry = read_spec(Path(task.spec_path))
        ends = stack.enter_context(open_ends(spec, registry))
        connection = stack.enter_context(ends.connect("target", None, f"{name} cleanup"))
        lock_on_target(connection, name)
        tidy(ends, journal)
        if task.state != "succeeded":
            journal.set_state(name, "stopped")
        yield f"removed the marks of {name} from the target; what was moved stays"


def delete_task(name: str, *, force: bool = False) -> Iterator[str]:
    """Forget a task: its marks on the target, its journal, reports and private servers. What was moved stays.

    Args:
        force: forget it even where its marks cannot be removed.

    Raises:
        DtsrunError: the marks cannot be removed.
    """
    home = home_folder()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        task = _allowed(journal, name, "delete")
        folder = task_folder(home, name)
        stack.enter_context(runner_lock(folder, name))
        yield from _remove_marks(journal, task, force=force)
        yield from _remove_private_servers(task)
        journal.forget_task(name)
        shutil.rmtree(folder, ignore_errors=True)
        yield f"forgot {name}"


def _remove_marks(journal: Journal, task: TaskRecord, *, force: bool) -> Iterator[str]:
    """Remove the marks of a task that did not come to its end; one that did has removed them itself."""
    if task.state == "succeeded" or journal.plan(task.name) is None:
        return
    try:
        spec, registry = read_spec(Path(task.spec_path))
        if spec.task.name != task.name:
            return  # the record of a verification: nothing on either server is its own
        if isinstance(access_of(spec, registry, "target")[0], Removable):
            return  # they go with the private server that holds them
        with open_ends(spec, registry) as ends:
            tidy(ends, journal)
    except (DtsrunError, OSError) as error:
        if not force:
            message = f"the marks of {task.name} on the target cannot be removed: {error}"
            raise MigrationError(message, hint="--force forgets the task all the same") from error
        yield f"left schema _dtsrun on the target: {error}"


def _remove_private_servers(task: TaskRecord) -> Iterator[str]:
    # A spec that is gone or broken by now has nothing to say; the task is forgotten all the same.
    with suppress(SpecError, FileNotFoundError):
        spec, registry = read_spec(Path(task.spec_path))
        if spec.task.name != task.name:
            return
        for side in SIDES:
            plugin, context = access_of(spec, registry, side)
            if isinstance(plugin, Removable):
                plugin.remove(spec.endpoint(side), context)
                yield f"removed the private {side} server"


def _allowed(journal: Journal, name: str, operation: str) -> TaskRecord:
    task = journal.task(name)
    if task is None:
        raise SpecError(f"there is no task {name!r}", hint="dtsrun list shows the tasks")
    if not allows(task.state, operation):
        raise SpecError(f"task {name} is {task.state}: it cannot be asked to {operation}")
    return task
