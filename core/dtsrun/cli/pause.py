"""`dtsrun pause TASK`: let the running process stop cleanly."""

from __future__ import annotations

import argparse

from dtsrun.cli.requests import add_wait_argument, show_answers


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("pause", help="stop a running task cleanly; `dtsrun resume TASK` continues it")
    parser.add_argument("task", metavar="TASK")
    add_wait_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    show_answers(arguments.task, "pause", {}, wait=arguments.wait)
    return 0
