"""`dtsrun plan SPEC`: the steps, sizes and locks, without doing anything."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dtsrun.api import Inventory, Spec
from dtsrun.engine.prepare import open_plan
from dtsrun.plan import Plan
from dtsrun.report.plan_graph import plan_graph
from dtsrun.report.plan_text import plan_data, plan_text
from dtsrun.report.terminal import show


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("plan", help="the steps, sizes and locks, without doing anything")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--graph", choices=("mermaid", "dot"), help="the graph of the steps, grouped where many")
    form.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--all", action="store_true", help="list every step")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    with open_plan(arguments.spec) as (spec, _, inventory, plan):
        text = _rendered(arguments, spec, inventory, plan)
    show(text)
    return 0


def _rendered(arguments: argparse.Namespace, spec: Spec, inventory: Inventory, plan: Plan) -> str:
    if arguments.graph:
        return plan_graph(plan, arguments.graph)
    if arguments.format == "json":
        return json.dumps(plan_data(spec, inventory, plan), indent=2, default=str)
    return plan_text(spec, inventory, plan, every_step=arguments.all)
