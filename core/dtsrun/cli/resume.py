"""`dtsrun resume TASK`: continue a task by its name."""

from __future__ import annotations

import argparse
from pathlib import Path

from dtsrun.cli.detach import add_detach_argument
from dtsrun.cli.output import add_progress_arguments
from dtsrun.cli.requests import show_lines
from dtsrun.cli.run import run_spec
from dtsrun.engine.asking import Known, ask, look_up
from dtsrun.engine.ends import home_folder, read_spec
from dtsrun.errors import SpecError
from dtsrun.journal import Journal


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("resume", help="continue a task by its name; its spec is where it was")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("--now", action="store_true", help="start a task that waits for its time at once")
    parser.add_argument("--yes", action="store_true", help="go on in spite of alarms")
    add_detach_argument(parser)
    add_progress_arguments(parser)
    parser.set_defaults(run=run, restart=False, keep=False)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with Journal.open(home_folder()) as journal:
        known = look_up(journal, arguments.task)
        known.allow("resume")
        if known.runner is not None and known.task.state == "scheduled":
            return _start(journal, known, now=arguments.now)
    spec = Path(known.task.spec_path)
    if not spec.is_file():
        raise SpecError(
            f"the spec of task {arguments.task} is not there any more", where=str(spec), hint="put it back, or stop it"
        )
    named = read_spec(spec)[0].task.name
    if named != arguments.task:
        raise SpecError(
            f"the spec of {arguments.task} is that of task {named}",
            where=str(spec),
            hint="what `dtsrun verify` did is not resumed: run it again",
        )
    return run_spec(spec, arguments)


def _start(journal: Journal, known: Known, *, now: bool) -> int:
    """Let the runner that waits for a task's time start it."""
    if not now:
        raise SpecError(
            f"{known.runner} waits for the time of task {known.task.name}", hint="--now starts it before its time"
        )
    show_lines(ask(journal, known, "resume"))
    return 0
