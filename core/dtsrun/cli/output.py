"""What commands that run a task share: how progress is shown, and how the end is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dtsrun.engine.ends import task_folder
from dtsrun.engine.face import Ended
from dtsrun.errors import DtsrunError
from dtsrun.journal import Journal
from dtsrun.report.progress import ProgressListener, open_progress

if TYPE_CHECKING:
    from dtsrun.report.data import Report


def add_progress_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how progress is shown."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quiet", action="store_true", help="show nothing but the end")
    how.add_argument(
        "--json", action="store_true", help="one JSON object a line for each event, the report as the last"
    )


@contextmanager
def progress_for(arguments: argparse.Namespace) -> Iterator[ProgressListener]:
    """Show progress as the arguments ask for."""
    mode = "quiet" if arguments.quiet else "json" if arguments.json else "auto"
    progress = open_progress(mode)
    try:
        yield progress
    finally:
        progress.close()


def show_ended(ended: Ended, arguments: argparse.Namespace) -> int:
    """Write the report's files, tell how the run ended, and return the exit code."""
    from dtsrun.report.as_json import report_json
    from dtsrun.report.build import build_report
    from dtsrun.report.terminal import show
    from dtsrun.report.text import report_text

    with Journal.open(ended.home) as journal:
        report = build_report(journal, ended.task)
    write_files(ended, report)
    if arguments.json:
        show(report_json(report, indent=None))
    elif ended.already_done:
        print(f"Task {ended.task} is done; nothing is left to do. (--restart moves everything anew.)\n")
    if not arguments.json:
        show(report_text(report))
    return _exit_code(ended.error)


def write_files(ended: Ended, report: Report) -> None:
    """Write the report as an HTML page and as JSON into the task's folder, for its owner alone."""
    from dtsrun.report.as_json import report_json
    from dtsrun.report.html import report_html

    folder = task_folder(ended.home, ended.task)
    _write(folder / "report.html", report_html(report))
    _write(folder / "report.json", report_json(report))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _exit_code(error: DtsrunError | None) -> int:
    if error is None:
        return 0
    print(f"dtsrun: {error}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)
    return error.exit_code
