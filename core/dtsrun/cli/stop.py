"""`dtsrun stop TASK`: end a task for good."""

from __future__ import annotations

import argparse

from dtsrun.cli.requests import confirm, show_lines
from dtsrun.engine.ending import stop_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("stop", help="end a task for good, and remove what it made for itself on both servers")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument(
        "--drop",
        action="store_true",
        help="drop what it moved as well: the databases, roles and objects that it made on the target",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    dropped = ", and drop all that it moved to the target" if arguments.drop else ""
    confirm(f"End {arguments.task} for good{dropped}? It cannot go on afterwards.", yes=arguments.yes)
    show_lines(stop_task(arguments.task, drop=arguments.drop))
    return 0
