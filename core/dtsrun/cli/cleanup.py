"""`dtsrun cleanup TASK`: remove all that the task left on both servers."""

from __future__ import annotations

import argparse

from dtsrun.engine.ending import cleanup_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("cleanup", help="remove all that the task left on both servers")
    parser.add_argument("task", metavar="TASK")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    for line in cleanup_task(arguments.task):
        print(line)
    return 0
