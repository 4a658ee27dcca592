"""What `dtsrun SPEC --detach` and `dtsrun resume TASK --detach` share."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

PASSED_ON = ("yes", "restart", "keep", "now")
"""Arguments that the runner gets too."""


def add_detach_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument."""
    parser.add_argument(
        "--detach",
        action="store_true",
        help="check here, then leave the task to a runner in the background that outlives this terminal",
    )


def run_detached(spec: Path, arguments: argparse.Namespace) -> int:
    """Start a runner in the background; show how it begins, and what its exit code is where it ends at once."""
    from dtsrun.engine.detachment import DetachedRunner
    from dtsrun.journal import Journal
    from dtsrun.report.terminal import show

    runner = DetachedRunner(spec, [f"--{name}" for name in PASSED_ON if getattr(arguments, name, False)])
    for line in runner.begin():
        if not (arguments.quiet or arguments.json):
            print(line, file=sys.stderr, flush=True)
    if runner.exit_code is not None:
        show(runner.shown())
        return runner.exit_code
    with Journal.open(runner.home) as journal:
        task = journal.task(runner.task)
    state = task.state if task else "creating"
    if arguments.json:
        values = {"task": runner.task, "runner": runner.name, "state": state, "output": str(runner.output)}
        show(json.dumps(values, ensure_ascii=False))
        return 0
    print(f"task {runner.task} is {state}; {runner.name} works at it in the background")
    print(f"  follow it:  dtsrun show {runner.task} --follow")
    print(f"  pause it:   dtsrun pause {runner.task}")
    print(f"  its output: {runner.output}")
    return 0
