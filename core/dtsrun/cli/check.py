"""`dtsrun check SPEC`: the prechecks alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dtsrun.api import Check
from dtsrun.cli.output import progress_for
from dtsrun.engine.check_task import check_task
from dtsrun.engine.ends import read_spec
from dtsrun.engine.face import Ended, RunOptions
from dtsrun.engine.policy import Policy
from dtsrun.engine.prechecking import all_checks, is_chosen
from dtsrun.errors import SpecError
from dtsrun.report.check_html import checked_html
from dtsrun.report.checked import Checked, checked_json
from dtsrun.report.findings import count_outcomes, render_checks
from dtsrun.report.fix_sql import fix_scripts, script_path
from dtsrun.report.junit import checked_junit
from dtsrun.report.policy_text import policy_json, policy_text
from dtsrun.report.sarif import checked_sarif
from dtsrun.report.terminal import show

RENDERERS: Final[Mapping[str, Callable[[Checked], str]]] = {
    "text": lambda checked: render_checks(checked.results, passed=False),
    "json": checked_json,
    "junit": checked_junit,
    "sarif": checked_sarif,
    "html": checked_html,
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("check", help="make the prechecks alone; exit 6 where one fails")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    parser.add_argument("--format", choices=tuple(RENDERERS), default="text")
    parser.add_argument("--all", action="store_true", help="in text, name also what passed or was skipped")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead, and show the counts alone")
    parser.add_argument("--fix-sql", type=Path, metavar="FILE", help="write FILE-source and FILE-target: SQL to review")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="make only checks of this name")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN", help="leave out checks of this name")
    parser.add_argument("--explain-policy", action="store_true", help="who decided on each check; nothing is checked")
    parser.add_argument("--quiet", action="store_true", help="show nothing while checking")
    parser.set_defaults(run=run, json=False)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    options = RunOptions(only_check=True, only=arguments.only, skip=arguments.skip)
    if arguments.explain_policy:
        return _explain(arguments, options)
    with progress_for(arguments) as progress:
        ended = check_task(arguments.spec, options, progress)
    checked = _checked(arguments, ended)
    _put(arguments, _rendered(arguments, checked), count_outcomes(checked.results))
    if arguments.fix_sql:
        for side, script in fix_scripts(checked).items():
            _write(script_path(arguments.fix_sql, side), script)
    return checked.exit_code


def _rendered(arguments: argparse.Namespace, checked: Checked) -> str:
    if arguments.format == "text" and arguments.all:
        return render_checks(checked.results)
    return RENDERERS[arguments.format](checked)


def _explain(arguments: argparse.Namespace, options: RunOptions) -> int:
    spec, registry = read_spec(arguments.spec)
    renderers = {"text": policy_text, "json": policy_json}
    if arguments.format not in renderers:
        raise SpecError("--explain-policy knows the formats text and json alone")
    known: list[Check[Any]] = [*all_checks(spec, registry), *registry.gates]
    checks = [check for check in known if is_chosen(check, options)]
    _put(arguments, renderers[arguments.format](Policy.of(spec), checks))
    return 0


def _checked(arguments: argparse.Namespace, ended: Ended) -> Checked:
    return Checked(
        task=ended.task,
        spec_path=str(arguments.spec),
        at=datetime.now(UTC),
        results=ended.checks,
        ties=ended.ties.as_data() if ended.ties else {},
        databases=ended.databases,
        exit_code=ended.error.exit_code if ended.error else 0,
    )


def _put(arguments: argparse.Namespace, text: str, summary: str = "") -> None:
    """Show a text, or write it where the user wants it."""
    if arguments.output is None:
        show(text)
        return
    _write(arguments.output, text)
    if summary:
        show(summary)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise SpecError(f"cannot be written: {error.strerror}", where=str(path)) from error
    print(f"dtsrun: wrote {path}", file=sys.stderr)
