"""`dtsrun test SPEC`: the connectivity test of both ends."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dtsrun.api import ProbeResult
from dtsrun.engine.connectivity import try_both_ends
from dtsrun.errors import AccessError
from dtsrun.report.as_json import as_values
from dtsrun.report.probes import estimate_text, probe_text
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("test", help="the connectivity test of both ends; exit 4 where one cannot be reached")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    parser.add_argument("--quick", action="store_true", help="the steps alone: no line is measured")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command. Each step is shown as soon as it is over: a timeout takes its time."""
    reached = True
    for result in try_both_ends(arguments.spec, measure=not arguments.quick):
        if arguments.json:
            show(json.dumps(as_values(result)))
        else:
            show(probe_text(result) if isinstance(result, ProbeResult) else estimate_text(result))
        reached = reached and not (isinstance(result, ProbeResult) and result.status == "failed")
    return 0 if reached else AccessError.exit_code
