"""`dtsrun show TASK`: how a task stands."""

from __future__ import annotations

import argparse

from dtsrun.engine.ends import home_folder
from dtsrun.journal import Journal
from dtsrun.report.as_json import report_json
from dtsrun.report.data import build_report
from dtsrun.report.html import report_html
from dtsrun.report.terminal import show
from dtsrun.report.text import report_text

RENDERERS = {"text": report_text, "json": report_json, "html": report_html}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("show", help="how a task stands: stages, running steps, findings, differences")
    parser.add_argument("task", metavar="TASK")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=sorted(RENDERERS), default="text")
    form.add_argument("--json", action="store_const", dest="format", const="json", help="short for --format json")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with Journal.open(home_folder()) as journal:
        report = build_report(journal, arguments.task)
    show(RENDERERS[arguments.format](report))
    return 0
