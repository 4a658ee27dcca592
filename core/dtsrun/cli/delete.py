"""`dtsrun delete TASK`: forget a task, its reports and its private servers."""

from __future__ import annotations

import argparse

from dtsrun.engine.control import delete_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("delete", help="forget a task, its reports and its private servers")
    parser.add_argument("task", metavar="TASK")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    for line in delete_task(arguments.task):
        print(line)
    return 0
