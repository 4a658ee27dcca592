"""`dtsrun schema`: print the JSON Schema of a spec, for editors and for other programs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dtsrun.registry import load_registry
from dtsrun.spec import compose_policy_schema, compose_schema


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("schema", help="print the JSON Schema of a spec, all installed plugins included")
    parser.add_argument("--policy", action="store_true", help="of a policy file instead")
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE", help="local plugin file")
    parser.add_argument("--indent", type=int, default=2, metavar="N", help="spaces a level; 0: all on one line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    compose = compose_policy_schema if arguments.policy else compose_schema
    print(json.dumps(compose(load_registry(arguments.plugin)), indent=arguments.indent or None, ensure_ascii=False))
    return 0
