"""`dtsrun SPEC`: check both ends, then migrate; continue an unfinished task of the same name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dtsrun.api import CheckResult
from dtsrun.cli.detach import add_detach_argument, run_detached
from dtsrun.cli.output import add_progress_arguments, progress_for, show_ended
from dtsrun.engine.face import RunOptions
from dtsrun.engine.task import run_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("run", help="check both ends, then migrate; continues an unfinished task")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    parser.add_argument("--yes", action="store_true", help="go on in spite of alarms")
    parser.add_argument("--restart", action="store_true", help="remove what an unfinished run made, and start over")
    parser.add_argument("--now", action="store_true", help="start at once, whatever time `task.run` names")
    parser.add_argument("--keep", action="store_true", help="leave embedded servers running when the task ends")
    add_detach_argument(parser)
    add_progress_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return run_spec(arguments.spec, arguments)


def run_spec(spec: Path, arguments: argparse.Namespace) -> int:
    """Run a spec as the arguments ask for, and return the exit code."""
    if arguments.detach:
        return run_detached(spec, arguments)
    options = RunOptions(restart=arguments.restart, keep=arguments.keep, now=arguments.now)
    with progress_for(arguments) as progress:
        ended = run_task(spec, options, progress, lambda alarms: arguments.yes or _ask(alarms))
    return show_ended(ended, arguments)


def _ask(alarms: Sequence[CheckResult]) -> bool:
    """Ask the user at the terminal; elsewhere the answer is no."""
    from dtsrun.report.findings import render_checks
    from dtsrun.report.terminal import show

    show(render_checks(alarms), sys.stderr)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print("Go on in spite of these alarms? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
