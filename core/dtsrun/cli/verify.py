"""`dtsrun verify SPEC|TASK`: compare both ends; exit 7 where they differ."""

from __future__ import annotations

import argparse
from pathlib import Path

from dtsrun.cli.output import add_progress_arguments, progress_for, show_ended
from dtsrun.engine.asking import spec_of
from dtsrun.engine.verify_task import verify_task


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("verify", help="compare both ends; exit 7 where they differ")
    parser.add_argument("spec", type=Path, metavar="SPEC|TASK")
    add_progress_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with progress_for(arguments) as progress:
        ended = verify_task(spec_of(arguments.spec), progress)
    return show_ended(ended, arguments)
