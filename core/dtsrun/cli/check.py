"""`dtsrun check SPEC`: the prechecks alone."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from dtsrun.api import CheckResult
from dtsrun.cli.output import progress_for
from dtsrun.engine.task import RunOptions, check_task
from dtsrun.report.as_json import as_values
from dtsrun.report.findings import render_checks
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("check", help="make the prechecks alone; exit 6 where one fails")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="make only checks of this name")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN", help="leave out checks of this name")
    parser.add_argument("--quiet", action="store_true", help="show nothing while checking")
    parser.set_defaults(run=run, json=False)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    options = RunOptions(only_check=True, only=arguments.only, skip=arguments.skip)
    with progress_for(arguments) as progress:
        ended = check_task(arguments.spec, options, progress)
    show(_as_json(ended.checks) if arguments.format == "json" else render_checks(ended.checks))
    return ended.error.exit_code if ended.error else 0


def _as_json(results: Sequence[CheckResult]) -> str:
    return json.dumps([as_values(result) for result in results], indent=2)
