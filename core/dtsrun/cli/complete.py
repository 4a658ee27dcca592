"""`dtsrun complete TASK`: hand over to the target."""

from __future__ import annotations

import argparse
from typing import Any

from dtsrun.cli.requests import add_wait_argument, duration, show_lines
from dtsrun.completion.fence import FenceMode
from dtsrun.engine.asking import complete


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "complete", help="hand over to the target: gates, fence, drain, proof, alignment, removal of what was made"
    )
    parser.add_argument("task", metavar="TASK")
    parser.add_argument(
        "--timeout",
        type=duration,
        metavar="TIME",
        help="call it off, and give the source back as it was, if it is not done by then, e.g. 10m",
    )
    parser.add_argument(
        "--fence",
        choices=[mode.value for mode in FenceMode],
        help="how writers are kept from the source; see the stage `complete`",
    )
    parser.add_argument("--force", action="store_true", help="go on in spite of gates that may be overruled")
    add_wait_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    timeout = None if arguments.timeout is None else f"{arguments.timeout}s"
    given: dict[str, Any] = {"timeout": timeout, "fence": arguments.fence, "force": arguments.force}
    asked = {name: value for name, value in given.items() if value not in (None, False)}
    show_lines(complete(arguments.task, asked, accept_within=arguments.wait))
    return 0
