"""`dtsrun repair TASK`: mend what has drifted on the source while changes are followed."""

from __future__ import annotations

import argparse

from dtsrun.cli.requests import add_wait_argument, show_answers
from dtsrun.engine.asking import look_up
from dtsrun.engine.ends import home_folder
from dtsrun.engine.watching import Told, needs_copy, open_drifts
from dtsrun.errors import SpecError
from dtsrun.journal import Journal
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "repair",
        help="mend what has drifted on the source while changes are followed: apply DDL, copy tables and large objects",
    )
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("drifts", metavar="NUMBER", nargs="*", type=int, help="only these; --list shows the numbers")
    parser.add_argument("--list", action="store_true", help="show what has drifted and what mends it; do nothing")
    parser.add_argument(
        "--accept",
        action="store_true",
        help="leave these as they are: no gate stays shut by them, the report lists them",
    )
    add_wait_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if arguments.accept and not arguments.drifts:
        raise SpecError("--accept says of each drift by its number", hint=f"dtsrun repair {arguments.task} --list")
    if not arguments.list:
        asked = {"drifts": arguments.drifts} | ({"accept": True} if arguments.accept else {})
        show_answers(arguments.task, "repair", asked, wait=arguments.wait)
        return 0
    with Journal.open(home_folder()) as journal:
        look_up(journal, arguments.task)
        told = open_drifts(journal, arguments.task)
    show("\n".join(_described(each) for each in told) or "nothing has drifted")
    return 0


def _described(told: Told) -> str:
    drift = told.drift
    lines = [f"{told.number}  {drift.message}" + (f" (database {drift.database})" if drift.database else "")]
    if drift.repair is None:
        return f"{lines[0]}\n    by hand, or left as it is with --accept"
    how = f"{drift.repair.action.replace('_', ' ')}"
    lines.append(f"    {how}{', and follow it from there' if needs_copy(drift) else ''}")
    if drift.repair.sql:
        lines.append(f"    on the {drift.repair.side}:")
    lines += [f"      {line}" for statement in drift.repair.sql for line in _ended(statement).splitlines()]
    return "\n".join(lines)


def _ended(statement: str) -> str:
    """Return a statement as it can be pasted into psql."""
    return statement if statement.rstrip().endswith(";") else f"{statement};"
