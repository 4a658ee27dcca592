"""`dtsrun explain NAME`: a plugin's page."""

from __future__ import annotations

import argparse

from dtsrun.cli.plugins import add_spec_argument, registry_for
from dtsrun.report.pages import find_plugin, page_text
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("explain", help="a plugin's page: what it does, its options, needs and limits")
    parser.add_argument(
        "name", metavar="NAME", help='a name ("precheck.version", "version") or an entry type ("FK CONSTRAINT")'
    )
    add_spec_argument(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    registry = registry_for(arguments.spec)
    show(page_text(find_plugin(registry, arguments.name), registry))
    return 0
