"""The end of a task for good: what it made for itself is removed, or all that is known of it is forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from dtsrun.api.plugins import Removable
from dtsrun.engine.asking import ask, look_up
from dtsrun.engine.ends import SIDES, Ends, access_of, home_folder, open_ends, read_spec, task_folder, verification_name
from dtsrun.engine.lock import lock_on_target, runner_lock
from dtsrun.engine.states import RESUMABLE, UNBEGUN
from dtsrun.engine.tidy import start_over, tidy
from dtsrun.engine.undo import Say, undo
from dtsrun.errors import DtsrunError, MigrationError, SpecError
from dtsrun.journal import Journal, TaskRecord


def end_for_good(ends: Ends, journal: Journal, say: Say, *, drop: bool = False) -> None:
    """Remove what a task made for itself on both servers. Safe to repeat.

    Args:
        drop: drop what it had moved to the target as well.

    Raises:
        MigrationError: something cannot be removed; says what.
    """
    undo(ends, journal, ends.spec.task.name, say)
    if drop:
        start_over(ends, journal, say)
    else:
        tidy(ends, journal)


def stop_task(name: str, *, drop: bool = False) -> Iterator[str]:
    """End a task for good. Its runner does it where there is one, else this process.

    Args:
        drop: drop what it had moved to the target as well.
    """
    with Journal.open(home_folder()) as journal:
        known = look_up(journal, name)
        known.allow("stop")
        if known.runner is not None:
            yield from ask(journal, known, "stop", {"drop": drop})
            return
    yield from _end(name, "stop", drop=drop)


def cleanup_task(name: str) -> Iterator[str]:
    """Remove what a task left on both servers beside what it moved."""
    yield from _end(name, "cleanup", drop=False)


def _end(name: str, operation: str, *, drop: bool) -> Iterator[str]:
    home = home_folder()
    said: list[str] = []
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        known = look_up(journal, name)
        known.allow(operation)
        stack.enter_context(runner_lock(task_folder(home, name), name))
        if known.task.state not in UNBEGUN or journal.creations(name):
            spec, registry = read_spec(Path(known.task.spec_path))
            ends = stack.enter_context(open_ends(spec, registry))
            if spec.task.name == name:  # the record of a verification has nothing of its own on either server
                connection = stack.enter_context(ends.connect("target", None, f"{name} {operation}"))
                lock_on_target(connection, name)
                _mark(journal, known.task, "stopping")
                end_for_good(ends, journal, lambda kind, message: said.append(message), drop=drop)
        yield from said
        _mark(journal, known.task, "stopped")
        yield ended_text(known.task, drop=drop)


def _mark(journal: Journal, task: TaskRecord, state: str) -> None:
    """Set the state of a task that did not succeed; one that did stays what it is."""
    if task.state != "succeeded":
        journal.set_state(task.name, state)


def ended_text(task: TaskRecord, *, drop: bool) -> str:
    """Return what there is to say when a task was ended for good."""
    emptied = "" if drop or not (found := emptied_text(task)) else f"; {found}"
    kept = "what it had moved was dropped from the target" if drop else "what had arrived on the target stays"
    return f"removed what {task.name} had made for itself on both servers; {kept}{emptied}"


def emptied_text(task: TaskRecord) -> str:
    """Return which tables a completion that was called off left without their rows; empty where there are none."""
    names = task.summary.get("emptied", [])
    if not names:
        return ""
    return (
        f"without the rows of {', '.join(names)}, which were emptied when a completion was called off: copy them before"
        " the target is used"
    )


def can_go_on(name: str) -> bool:
    """Tell whether a task has begun its work and is not finished, so that forgetting it loses that work.

    Raises:
        SpecError: there is no such task, or its state does not allow to delete it.
    """
    with Journal.open(home_folder()) as journal:
        known = look_up(journal, name)
        known.allow("delete")
        # A verification moves nothing, and can be made again.
        return known.task.state in RESUMABLE and not name.endswith(verification_name(""))


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
        known = look_up(journal, name)
        known.allow("delete")
        for each in (name, verification_name(name)):
            if task_folder(home, each).exists():
                stack.enter_context(runner_lock(task_folder(home, each), each))
        yield from _remove_aids(journal, known.task, force=force)
        yield from _remove_private_servers(known.task)
        for each in (verification_name(name), name):
            journal.forget_task(each)
            shutil.rmtree(task_folder(home, each), ignore_errors=True)
        yield f"forgot {name}"


def _remove_aids(journal: Journal, task: TaskRecord, *, force: bool) -> Iterator[str]:
    """Remove what a task that did not come to its end made for itself; one that did has removed it."""
    if task.state in ("succeeded", "stopped") or (journal.plan(task.name) is None and not journal.creations(task.name)):
        return
    try:
        spec, registry = read_spec(Path(task.spec_path))
        if spec.task.name != task.name:
            return  # the record of a verification: nothing on either server is its own
        if isinstance(access_of(spec, registry, "target")[0], Removable):
            return  # they go with the private server that holds them
        with open_ends(spec, registry) as ends:
            end_for_good(ends, journal, lambda kind, message: None)
    except (DtsrunError, OSError) as error:
        if not force:
            message = f"what {task.name} made for itself on the servers cannot be removed: {error}"
            raise MigrationError(message, hint="--force forgets the task all the same") from error
        yield f"left on the servers what {task.name} made for itself: {error}"


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
