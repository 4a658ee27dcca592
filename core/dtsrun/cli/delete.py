"""`dtsrun delete TASK`: forget a task: its marks, its reports and its private servers."""

from __future__ import annotations

import argparse

from dtsrun.engine.ending import delete_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("delete", help="forget a task: its marks, its reports and its private servers")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument(
        "--force", action="store_true", help="forget it even where what it made for itself cannot be removed"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    for line in delete_task(arguments.task, force=arguments.force):
        print(line)
    return 0
