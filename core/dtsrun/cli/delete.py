"""`dtsrun delete TASK`: forget a task: its marks, its reports and its private servers."""

from __future__ import annotations

import argparse

from dtsrun.cli.requests import confirm, show_lines
from dtsrun.engine.ending import can_go_on, delete_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("delete", help="forget a task: its marks, its reports and its private servers")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument(
        "--force", action="store_true", help="forget it even where what it made for itself cannot be removed"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether a task that could go on is meant")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if can_go_on(arguments.task):
        confirm(f"Forget {arguments.task}? It could still go on, and could not afterwards.", yes=arguments.yes)
    show_lines(delete_task(arguments.task, force=arguments.force))
    return 0
