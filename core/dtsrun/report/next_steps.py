"""What the user may want to do next, in each state of a task."""

from __future__ import annotations

from dtsrun.engine.ending import emptied_text
from dtsrun.journal import TaskRecord


def next_steps(task: TaskRecord, *, moved: bool, failed: bool, different: bool) -> tuple[str, ...]:
    """Return sentences, most urgent first; commands stand in backquotes. `moved`: it did more than compare."""
    steps: list[str] = []
    if failed:
        steps.append(f"mend what failed, then run `dtsrun {task.spec_path}` again: what is finished is kept")
    if different:
        steps.append(f"look into the differences; `dtsrun verify {task.spec_path}` compares both ends anew")
    return (*steps, *(_by_state(task, clean=not steps) if moved else ()))


def _by_state(task: TaskRecord, *, clean: bool) -> tuple[str, ...]:
    spec, name = task.spec_path, task.name
    match task.state:
        case "succeeded" if clean:
            return _after_success(task)
        case "check_failed":
            return (f"mend the findings, then run `dtsrun {spec}` again",)
        case "check_passed":
            return (f"start the task with `dtsrun {spec}`",)
        case "scheduled":
            return (f"`dtsrun resume {name} --now` starts it before its time", f"or `dtsrun stop {name}` calls it off")
        case "syncing":
            return (f"`dtsrun complete {name}` hands over to the target", f"`dtsrun events {name} --follow` watches it")
        case "paused" | "failed" if clean:
            return (
                f"run `dtsrun {spec}` or `dtsrun resume {name}` to go on: what is finished is kept",
                f"or `dtsrun stop {name}` to end it for good, and remove what it keeps on both servers",
            )
        case "stopped":
            emptied = emptied_text(task)
            return (*((f"the target is {emptied}",) if emptied else ()), f"`dtsrun {spec}` begins anew")
        case "running" | "checking" | "pausing" | "stopping" | "creating" | "completing":
            return (f"watch it with `dtsrun events {name} --follow`",)
    return ()


def _after_success(task: TaskRecord) -> tuple[str, ...]:
    verify = f"`dtsrun verify {task.spec_path}` compares both ends again at any time"
    if task.migration_type == "structural":
        return (verify,)
    if task.migration_type == "full_incremental":
        proved = "every change until the cutover is on the target, which was proved: let the application use it"
        return (proved, f"`dtsrun cleanup {task.name}` lifts the fence of the old source, if there is one", verify)
    stale = "rows are those of the copy's snapshot: what was written to the source since is not on the target"
    return (stale, "let the application use the target, once it is clear that nothing writes to the source", verify)
