"""`dtsrun events TASK`: what happened, and with --follow what happens."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Final

from dtsrun.engine.ends import home_folder
from dtsrun.engine.states import AT_WORK
from dtsrun.journal import EventRecord, Journal
from dtsrun.report.build import find_task
from dtsrun.report.events import event_json, event_text
from dtsrun.report.tasks import is_abandoned
from dtsrun.report.terminal import show

POLL_SECONDS: Final = 0.5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("events", help="what happened to a task")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("--follow", action="store_true", help="go on until nobody works at the task any more")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    render = event_json if arguments.json else event_text
    with Journal.open(home_folder()) as journal:
        find_task(journal, arguments.task)
        for event in _events(journal, arguments.task, follow=arguments.follow):
            show(render(event))
    return 0


def _events(journal: Journal, name: str, *, follow: bool) -> Iterator[EventRecord]:
    last = 0
    while True:
        # Asked before the events are read: what came before the task ended is still among them.
        goes_on = follow and _is_worked_at(journal, name)
        for event in journal.events(name, after=last):
            last = event.id
            yield event
        if not goes_on:
            return
        time.sleep(POLL_SECONDS)


def _is_worked_at(journal: Journal, name: str) -> bool:
    task = journal.task(name)
    return task is not None and task.state in AT_WORK and not is_abandoned(task)
