"""What the user sees while a task runs: a live picture on a terminal, plain lines elsewhere, JSON events, or nothing.

Progress goes to standard error, so that standard output holds the summary alone; JSON events are the output and go
to standard output. Whoever stops reading does not stop the migration.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol, TextIO, TypedDict, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dtsrun.api import Step
from dtsrun.report.figures import (
    clock_text,
    count_text,
    countdown_text,
    percent_text,
    plural,
    rate_text,
    seconds_text,
    size_text,
)
from dtsrun.report.tracker import Picture, Running, Tracker

LINE_SECONDS: Final = 5.0
"""Between two plain lines: often enough to see that it lives, seldom enough for a log."""
EVENT_SECONDS: Final = 1.0
MOST_RUNNING: Final = 10
"""Running steps that fit on a terminal beside what else stands there."""
_RUNNING: Final = "{:>4} {:>8} {:>13} {:>10} {:>12}  {}"
"""Figures first: what a narrow terminal cuts is the end of a long name."""


class _OneLine(TypedDict):
    no_wrap: bool
    overflow: Literal["ellipsis"]


_ONE_LINE: Final[_OneLine] = {"no_wrap": True, "overflow": "ellipsis"}


class ProgressListener(Protocol):
    """Who is told how a run goes. `on_progress` comes from several threads, each with what is new since its last."""

    def on_plan(self, steps: Sequence[Step]) -> None: ...
    def on_step(self, key: str, state: str) -> None: ...
    def on_progress(self, key: str, rows: int, bytes: int) -> None: ...
    def on_message(self, text: str) -> None: ...
    def close(self) -> None: ...


def open_progress(mode: str = "auto", stream: TextIO | None = None) -> ProgressListener:
    """Return who shows the progress; `auto` is a live picture where the stream is a terminal, else plain lines."""
    if mode == "quiet":
        return QuietProgress()
    if mode == "json":
        return JsonProgress(_lasting(stream or sys.stdout))
    chosen = stream or sys.stderr
    if mode == "terminal" or (mode == "auto" and chosen.isatty()):
        return TerminalProgress(_lasting(chosen))
    return LineProgress(_lasting(chosen))


def _lasting(stream: TextIO) -> TextIO:
    return cast(TextIO, LastingStream(stream))


class LastingStream:
    """A stream that goes silent when nobody reads it any more: a closed terminal must not end a migration."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_read = True

    def write(self, text: str) -> int:
        """Write, as long as somebody reads."""
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, as long as somebody reads."""
        self._attempt(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _attempt(self, act: Callable[[], object]) -> None:
        if not self.is_read:
            return
        try:
            act()
        except (OSError, ValueError):  # a broken pipe or lost terminal; a closed stream is a ValueError
            self.is_read = False


class QuietProgress:
    """Shows nothing; the summary and the exit code say how it went."""

    def on_plan(self, steps: Sequence[Step]) -> None:
        """Say nothing."""

    def on_step(self, key: str, state: str) -> None:
        """Say nothing."""

    def on_progress(self, key: str, rows: int, bytes: int) -> None:
        """Say nothing."""

    def on_message(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing is open."""


class Ticker:
    """Calls something every few seconds, from a thread of its own, until it is closed."""

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._seconds = seconds
        self._act = act
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End, and wait for the call that may be under way."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            self._act()


class LineProgress:
    """Plain lines of one form: for logs, pipes and continuous integration."""

    def __init__(self, stream: TextIO, tracker: Tracker | None = None, *, every: float = LINE_SECONDS) -> None:
        self._stream = stream
        self._tracker = tracker or Tracker()
        self._ticker = Ticker(every, self._show)
        self._is_planned = False

    def on_plan(self, steps: Sequence[Step]) -> None:
        """Say how much there is to do."""
        self._tracker.plan(steps)
        self._is_planned = True
        self._write(plan_text(self._tracker.picture()))
        self._ticker.start()

    def on_step(self, key: str, state: str) -> None:
        """Take note."""
        self._tracker.step(key, state)

    def on_progress(self, key: str, rows: int, bytes: int) -> None:
        """Take note."""
        self._tracker.progress(key, rows, bytes)

    def on_message(self, text: str) -> None:
        """Say it."""
        self._write(text)

    def close(self) -> None:
        """Say how far it came."""
        self._ticker.close()
        if self._is_planned:
            self._show()

    def _show(self) -> None:
        self._write(line_text(self._tracker.picture()))

    def _write(self, text: str) -> None:
        self._stream.write(f"{clock_text(datetime.now(UTC))}  {text}\n")
        self._stream.flush()


class JsonProgress:
    """One JSON object a line: `plan`, `step`, `progress` (the whole, every second), `message`."""

    def __init__(self, stream: TextIO, tracker: Tracker | None = None, *, every: float = EVENT_SECONDS) -> None:
        self._stream = stream
        self._tracker = tracker or Tracker()
        self._ticker = Ticker(every, self._show)
        self._lock = threading.Lock()

    def on_plan(self, steps: Sequence[Step]) -> None:
        """Write how much there is to do."""
        self._tracker.plan(steps)
        picture = self._tracker.picture()
        self._write("plan", steps=len(steps), bytes_to_copy=picture.to_copy, bytes_to_compare=picture.to_compare)
        self._ticker.start()

    def on_step(self, key: str, state: str) -> None:
        """Write a step's new state."""
        self._tracker.step(key, state)
        self._write("step", step=key, state=state)

    def on_progress(self, key: str, rows: int, bytes: int) -> None:
        """Take note; it is told with the whole."""
        self._tracker.progress(key, rows, bytes)

    def on_message(self, text: str) -> None:
        """Write a message."""
        self._write("message", text=text)

    def close(self) -> None:
        """Write how far it came."""
        self._ticker.close()
        self._show()

    def _show(self) -> None:
        self._write("progress", **asdict(self._tracker.picture()))

    def _write(self, event: str, **values: Any) -> None:
        record: Mapping[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        with self._lock:
            self._stream.write(json.dumps({**record, **values}, ensure_ascii=False) + "\n")
            self._stream.flush()


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

    def close(self) -> None:
        """Take the picture away; the summary follows."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def plan_text(picture: Picture) -> str:
    """Return how much there is to do: `640 steps, 1.3 GB to copy, 1.3 GB to compare`."""
    parts = [plural(picture.steps, "step")]
    parts += [f"{size_text(picture.to_copy)} to copy"] if picture.to_copy else []
    parts += [f"{size_text(picture.to_compare)} to compare"] if picture.to_compare else []
    return ", ".join(parts)


def line_text(picture: Picture) -> str:
    """Return the whole as one line, its parts always in this order."""
    parts = (
        f"{percent_text(picture.fraction):>4}",
        f"copied {size_text(picture.copied)} of {size_text(picture.to_copy)}",
        f"compared {size_text(picture.compared)} of {size_text(picture.to_compare)}",
        rate_text(picture.rate),
        f"left {countdown_text(picture.seconds_left)}",
        f"rows {count_text(picture.rows)}",
        f"steps {picture.done}/{picture.steps}",
        f"running {len(picture.running)}",
        f"failed {picture.failed}",
        f"blocked {picture.blocked}",
    )
    return "  ".join(parts)


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
