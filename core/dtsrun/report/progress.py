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
from typing import Any, Final, Protocol, TextIO, cast

from dtsrun.api import Step
from dtsrun.report.figures import (
    clock_text,
    count_text,
    countdown_text,
    percent_text,
    plural,
    rate_text,
    size_text,
)
from dtsrun.report.tracker import Picture, Tracker

LINE_SECONDS: Final = 5.0
"""Between two plain lines: often enough to see that it lives, seldom enough for a log."""
EVENT_SECONDS: Final = 1.0


class ProgressListener(Protocol):
    """Who is told how a run goes. `on_progress` comes from several threads, each with what is new since its last."""

    def on_plan(self, steps: Sequence[Step]) -> None: ...
    def on_step(self, key: str, state: str) -> None: ...
    def on_progress(self, key: str, rows: int, bytes: int) -> None: ...
    def on_message(self, text: str) -> None: ...
    def on_held(self, why: str) -> None: ...
    def close(self) -> None: ...


def open_progress(mode: str = "auto", stream: TextIO | None = None) -> ProgressListener:
    """Return who shows the progress; `auto` is a live picture where the stream is a terminal, else plain lines."""
    if mode == "quiet":
        return QuietProgress()
    if mode == "json":
        return JsonProgress(_lasting(stream or sys.stdout))
    chosen = stream or sys.stderr
    if mode == "terminal" or (mode == "auto" and chosen.isatty()):
        # What draws costs more to import than most of dtsrun.
        from dtsrun.report.live import TerminalProgress

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

    def on_held(self, why: str) -> None:
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
        self._ticker = Ticker(every, self._show_news)
        self._is_planned = False
        self._last = ""

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

    def on_held(self, why: str) -> None:
        """Take note."""
        self._tracker.held(why)

    def close(self) -> None:
        """Say how far it came."""
        self._ticker.close()
        if self._is_planned and line_text(self._tracker.picture()) != self._last:
            self._show()

    def _show_news(self) -> None:
        """Say how far it is, but not the same again where no step runs: a task may follow changes for weeks."""
        picture = self._tracker.picture()
        if picture.running or line_text(picture) != self._last:
            self._show()

    def _show(self) -> None:
        self._last = line_text(self._tracker.picture())
        self._write(self._last)

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

    def on_held(self, why: str) -> None:
        """Take note; it is told with the whole."""
        self._tracker.held(why)

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
        *((f"held: {picture.held}",) if picture.held else ()),
    )
    return "  ".join(parts)
