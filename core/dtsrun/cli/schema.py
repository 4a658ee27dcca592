"""`dtsrun schema`: print the JSON Schema of a spec, for editors and for other programs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dtsrun.cli.plugins import add_spec_argument
from dtsrun.registry import load_registry
from dtsrun.spec import compose_policy_schema, compose_schema, local_plugins


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("schema", help="print the JSON Schema of a spec, all installed plugins included")
    parser.add_argument("--policy", action="store_true", help="of a policy file instead")
    add_spec_argument(parser)
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE", help="local plugin file")
    parser.add_argument("--indent", type=int, default=2, metavar="N", help="spaces a level; 0: all on one line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    compose = compose_policy_schema if arguments.policy else compose_schema
    named = local_plugins(arguments.spec) if arguments.spec else ()
    registry = load_registry([*named, *arguments.plugin])
    print(json.dumps(compose(registry), indent=arguments.indent or None, ensure_ascii=False))
    return 0
