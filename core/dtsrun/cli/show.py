"""`dtsrun show TASK`: how a task stands."""

from __future__ import annotations

import argparse
import sys

from dtsrun.engine.ends import home_folder
from dtsrun.errors import SpecError
from dtsrun.journal import Journal
from dtsrun.report.as_json import report_json
from dtsrun.report.attached import Attached, exit_code
from dtsrun.report.build import build_report, find_task
from dtsrun.report.html import report_html
from dtsrun.report.progress import open_progress
from dtsrun.report.tasks import is_abandoned, starts_at, state_text
from dtsrun.report.terminal import show
from dtsrun.report.text import report_text

RENDERERS = {"text": report_text, "json": report_json, "html": report_html}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("show", help="how a task stands: stages, running steps, findings, differences")
    parser.add_argument("task", metavar="TASK")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=sorted(RENDERERS), default="text")
    form.add_argument("--json", action="store_const", dest="format", const="json", help="short for --format json")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="show its progress until it ends, and return its exit code; Ctrl-C looks away, the task goes on",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with Journal.open(home_folder()) as journal:
        find_task(journal, arguments.task)
        code = _follow(journal, arguments) if arguments.follow else 0
        if code is None:
            return 0
        report = build_report(journal, arguments.task)
    one_line = arguments.follow and arguments.format == "json"
    show(report_json(report, indent=None) if one_line else RENDERERS[arguments.format](report))
    return code


def _follow(journal: Journal, arguments: argparse.Namespace) -> int | None:
    """Show the task's progress until it ends; return its exit code, None where the user looks away before."""
    name = arguments.task
    task = find_task(journal, name)
    progress = open_progress("json" if arguments.format == "json" else "auto")
    progress.on_message(f"task {name} is {state_text(task.state, is_abandoned(task), starts_at(task))}")
    try:
        ended = Attached(journal, name, progress).follow()
    except KeyboardInterrupt:
        progress.close()
        print(f"task {name} goes on; look again with: dtsrun show {name} --follow", file=sys.stderr)
        return None
    finally:
        progress.close()
    if ended is None:
        raise SpecError(f"task {name} was deleted")
    return exit_code(ended, different=bool(journal.differences(name)), failed=bool(journal.failures(name)))
