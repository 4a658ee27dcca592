"""`dtsrun test SPEC`: the connectivity test of both ends."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dtsrun.engine.prepare import probe_ends
from dtsrun.errors import AccessError
from dtsrun.report.as_json import as_values
from dtsrun.report.probes import probe_text
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("test", help="the connectivity test of both ends; exit 4 where one cannot be reached")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command. Each step is shown as soon as it is over: a timeout takes its time."""
    reached = True
    for result in probe_ends(arguments.spec):
        reached = reached and result.status != "failed"
        show(json.dumps(as_values(result)) if arguments.json else probe_text(result))
    return 0 if reached else AccessError.exit_code
