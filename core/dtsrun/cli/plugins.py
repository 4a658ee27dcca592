"""`dtsrun plugins`: all plugins, and which distribution each comes from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dtsrun.registry import Registry, load_registry
from dtsrun.report.pages import plugins_data, plugins_text
from dtsrun.report.terminal import show
from dtsrun.spec import local_plugins


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("plugins", help="all plugins by family, with their distributions")
    add_spec_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    registry = registry_for(arguments.spec)
    show(json.dumps(plugins_data(registry), indent=2) if arguments.json else plugins_text(registry))
    return 0


def add_spec_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a spec whose local plugins are meant too."""
    parser.add_argument("--spec", type=Path, metavar="SPEC", help="also the local plugin files that this spec names")


def registry_for(spec: Path | None) -> Registry:
    """Return all installed plugins, and those of a spec."""
    return load_registry(local_plugins(spec) if spec else ())
