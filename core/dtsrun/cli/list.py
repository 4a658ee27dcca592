"""`dtsrun list`: all tasks of this runner."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from dtsrun.engine.ends import home_folder
from dtsrun.journal import Journal
from dtsrun.report.as_json import as_values
from dtsrun.report.tasks import task_lines, tasks_text
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("list", help="all tasks: their state, age and progress")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with Journal.open(home_folder()) as journal:
        lines = task_lines(journal)
    show(json.dumps(as_values(lines), indent=2) if arguments.json else tasks_text(lines, datetime.now(UTC)))
    return 0
