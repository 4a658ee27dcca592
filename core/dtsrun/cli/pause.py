"""`dtsrun pause TASK`: ask the running process to stop cleanly; run the spec again to continue."""

from __future__ import annotations

import argparse

from dtsrun.engine.control import pause_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "pause", help="ask the running process to stop cleanly; run the spec again to continue"
    )
    parser.add_argument("task", metavar="TASK")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    for line in pause_task(arguments.task):
        print(line)
    return 0
