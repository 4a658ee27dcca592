"""The live picture of a task on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TextIO, TypedDict

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dtsrun.api import Step
from dtsrun.report.figures import (
    count_text,
    countdown_text,
    percent_text,
    plural,
    rate_text,
    seconds_text,
    size_text,
)
from dtsrun.report.progress import plan_text
from dtsrun.report.tracker import Picture, Running, Tracker

MOST_RUNNING: Final = 10
"""Running steps that fit on a terminal beside what else stands there."""
_RUNNING: Final = "{:>4} {:>8} {:>13} {:>10} {:>12}  {}"
"""Figures first: what a narrow terminal cuts is the end of a long name."""


class _OneLine(TypedDict):
    no_wrap: bool
    overflow: Literal["ellipsis"]


_ONE_LINE: Final[_OneLine] = {"no_wrap": True, "overflow": "ellipsis"}


class TerminalProgress:
    """A live picture: the whole with its rate and the time that is left, and each step that runs."""

    def __init__(self, stream: TextIO, tracker: Tracker | None = None) -> None:
        self._tracker = tracker or Tracker()
        self._console = Console(file=stream, highlight=False)
        self._live: Live | None = None

    def on_plan(self, steps: Sequence[Step]) -> None:
        """Begin the picture."""
        self._tracker.plan(steps)
        self._console.print(plan_text(self._tracker.picture()), markup=False)
        if self._live is None:
            self._live = Live(
                get_renderable=lambda: live_picture(self._tracker.picture()),
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def on_step(self, key: str, state: str) -> None:
        """Take note."""
        self._tracker.step(key, state)

    def on_progress(self, key: str, rows: int, bytes: int) -> None:
        """Take note."""
        self._tracker.progress(key, rows, bytes)

    def on_message(self, text: str) -> None:
        """Say it, above the picture."""
        self._console.print(text, markup=False)

    def on_held(self, why: str) -> None:
        """Take note."""
        self._tracker.held(why)

    def close(self) -> None:
        """Take the picture away; the summary follows."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def live_picture(picture: Picture) -> RenderableType:
    """Return what a terminal shows: two lines on the whole, and a line for each step that runs."""
    shown = picture.running[:MOST_RUNNING]
    hidden = len(picture.running) - len(shown)
    more = [Text(f"and {plural(hidden, 'step')} more", style="dim")] if hidden else []
    return Group(_bar_line(picture), _figures_line(picture), *(_running_lines(shown) if shown else []), *more)


def _bar_line(picture: Picture) -> Table:
    grid = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=picture.fraction, width=40)
    left = f"{countdown_text(picture.seconds_left)} left" if picture.seconds_left else ""
    grid.add_row(bar, percent_text(picture.fraction), rate_text(picture.rate), left)
    return grid


def _figures_line(picture: Picture) -> Text:
    parts = []
    if picture.to_copy:
        parts += [f"copied {size_text(picture.copied)} of {size_text(picture.to_copy)}", plural(picture.rows, "row")]
    if picture.compared or (picture.to_compare and not picture.to_copy):
        parts.append(f"compared {size_text(picture.compared)} of {size_text(picture.to_compare)}")
    parts.append(f"steps {picture.finished:,} of {picture.steps:,}")
    line = Text(", ".join(parts), style="dim", **_ONE_LINE)
    if picture.failed or picture.blocked:
        line.append(f", {picture.failed} failed, {picture.blocked} blocked", style="red")
    if picture.held:
        line.append(f", held: {picture.held}", style="yellow")
    return line


def _running_lines(running: Sequence[Running]) -> list[Text]:
    head = Text(_RUNNING.format("", "bytes", "rows", "rate", "time", "running"), style="dim", **_ONE_LINE)
    return [head, *(Text(_running_text(step), **_ONE_LINE) for step in running)]


def _running_text(step: Running) -> str:
    # A copy may send more than the table takes on disk; then a percentage would be nonsense.
    is_known = 0 < step.bytes <= step.size
    return _RUNNING.format(
        percent_text(step.bytes / step.size) if is_known else "",
        size_text(step.bytes) if step.bytes else "",
        count_text(step.rows) if step.rows else "",
        rate_text(step.rate) if step.rate else "",
        seconds_text(round(step.seconds)) if step.seconds >= 1 else "",
        step.title,
    )
