"""What commands that ask a running task for something share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from dtsrun.engine.asking import ACCEPT_SECONDS, ask, look_up
from dtsrun.engine.ends import home_folder
from dtsrun.errors import SpecError
from dtsrun.journal import Journal
from dtsrun.spec.quantities import parse_duration


def duration(text: str) -> float:
    """Return the seconds of a duration, as the type of an argument."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_wait_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says how long the runner may take to take up a request."""
    parser.add_argument(
        "--wait",
        type=duration,
        default=ACCEPT_SECONDS,
        metavar="TIME",
        help="how long the runner may be busy before it takes up the request, e.g. 30s (default: 2m)",
    )


def show_answers(name: str, what: str, arguments: Mapping[str, Any], *, wait: float) -> None:
    """Ask the runner of a task for something, and print what it answers."""
    with Journal.open(home_folder()) as journal:
        show_lines(ask(journal, look_up(journal, name), what, arguments, accept_within=wait))


def show_lines(lines: Iterator[str]) -> None:
    """Print lines as they come."""
    for line in lines:
        print(line, flush=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask the user at the terminal, unless they said yes already. Raises SpecError where the answer is no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SpecError("this has to be confirmed, and there is no terminal to ask at", hint="say yes with --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SpecError("not confirmed; nothing was done")
