"""Progress reaches whoever looks, in a form that fits, and never stops the work."""

from __future__ import annotations

import io
import json
import re
import time
from typing import Any

import pytest
from rich.console import Console

from dtsrun.api import Lane, Step
from dtsrun.report.live import MOST_RUNNING, TerminalProgress, live_picture
from dtsrun.report.progress import (
    JsonProgress,
    LastingStream,
    LineProgress,
    QuietProgress,
    line_text,
    open_progress,
    plan_text,
)
from dtsrun.report.tracker import Picture, Running

MB = 1024 * 1024
NEVER = 1000.0


def step(key: str, size: int = MB, lane: Lane = Lane.COPY) -> Step:
    return Step(key=key, stage="full", plugin="object.tables", action="copy", size=size, lane=lane, title=f"copy {key}")


def picture(**changes: Any) -> Picture:
    values: dict[str, Any] = {
        "fraction": 0.457,
        "copied": 600 * MB,
        "to_copy": 1300 * MB,
        "compared": 0,
        "to_compare": 1300 * MB,
        "rows": 1_234_567,
        "rate": 83.0 * MB,
        "seconds_left": 18.0,
        "steps": 640,
        "done": 213,
        "failed": 0,
        "blocked": 0,
    }
    return Picture(**{**values, **changes})


def shown(renderable: Any, width: int = 100) -> str:
    """Return what a terminal of a width shows."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(renderable)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A stream that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


class TestChoice:
    @pytest.mark.parametrize(
        ("mode", "stream", "kind"),
        [
            ("auto", io.StringIO(), LineProgress),
            ("auto", Terminal(), TerminalProgress),
            ("lines", Terminal(), LineProgress),
            ("terminal", io.StringIO(), TerminalProgress),
            ("json", Terminal(), JsonProgress),
            ("quiet", Terminal(), QuietProgress),
        ],
    )
    def test_the_form_fits_the_stream(self, mode: str, stream: Any, kind: type) -> None:
        progress = open_progress(mode, stream)
        assert type(progress) is kind
        progress.close()

    def test_progress_leaves_standard_output_to_the_summary(self, capsys: pytest.CaptureFixture[str]) -> None:
        progress = open_progress("auto")
        progress.on_message("hello")
        progress.close()
        out, err = capsys.readouterr()
        assert out == ""
        assert err.endswith("  hello\n")

    def test_events_are_the_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        progress = open_progress("json")
        progress.on_message("hello")
        progress.close()
        out, err = capsys.readouterr()
        assert err == ""
        assert json.loads(out.splitlines()[0])["text"] == "hello"

    def test_quiet_says_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        progress = open_progress("quiet")
        progress.on_plan([step("a")])
        progress.on_step("a", "running")
        progress.on_progress("a", 1, 1)
        progress.on_message("hello")
        progress.close()
        assert capsys.readouterr() == ("", "")


class TestLines:
    def test_a_line_has_one_form(self) -> None:
        assert line_text(picture()) == (
            " 45%  copied 600 MB of 1.3 GB  compared 0 B of 1.3 GB  83.0 MB/s  left 0:18  rows 1,234,567"
            "  steps 213/640  running 0  failed 0  blocked 0"
        )

    def test_what_is_not_known_is_a_dash(self) -> None:
        assert "  -  left -  " in line_text(picture(rate=None, seconds_left=None))

    def test_the_plan_is_told_first_and_the_whole_last(self) -> None:
        stream = io.StringIO()
        progress = LineProgress(stream, every=NEVER)
        progress.on_plan([step("a"), step("b", 3 * MB, Lane.VERIFY)])
        progress.on_step("a", "running")
        progress.on_step("a", "done")
        progress.close()
        first, last = stream.getvalue().splitlines()
        assert re.fullmatch(r"\d\d:\d\d:\d\d  2 steps, 1\.0 MB to copy, 3\.0 MB to compare", first)
        assert " 25%  copied 1.0 MB of 1.0 MB" in last

    def test_lines_come_by_themselves_while_a_step_is_silent(self) -> None:
        stream = io.StringIO()
        progress = LineProgress(stream, every=0.01)
        progress.on_plan([step("a")])
        progress.on_step("a", "running")
        deadline = time.monotonic() + 5
        while stream.getvalue().count("\n") < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        progress.close()
        assert stream.getvalue().count("0%  copied") >= 3

    def test_a_line_is_not_repeated_while_no_step_runs(self) -> None:
        stream = io.StringIO()
        progress = LineProgress(stream, every=0.01)
        progress.on_plan([step("a")])
        progress.on_step("a", "done")
        time.sleep(0.2)
        progress.close()
        assert stream.getvalue().count("100%  copied") == 1

    def test_after_close_nothing_more_is_written(self) -> None:
        stream = io.StringIO()
        progress = LineProgress(stream, every=0.01)
        progress.on_plan([step("a")])
        progress.close()
        before = stream.getvalue()
        time.sleep(0.05)
        assert stream.getvalue() == before

    def test_the_last_line_is_not_written_twice(self) -> None:
        stream = io.StringIO()
        progress = LineProgress(stream, every=0.01)
        progress.on_plan([step("a")])
        progress.on_step("a", "done")
        deadline = time.monotonic() + 5
        while "100%" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.001)
        progress._ticker.close()
        written = stream.getvalue()
        progress.close()
        assert "100%" in written
        assert stream.getvalue() == written

    def test_without_a_plan_only_messages_are_written(self) -> None:
        stream = io.StringIO()
        progress = LineProgress(stream, every=NEVER)
        progress.on_message("checking both ends: 9 checks")
        progress.close()
        assert stream.getvalue().count("\n") == 1

    def test_a_plan_of_structure_alone_has_no_bytes_to_speak_of(self) -> None:
        assert plan_text(picture(to_copy=0, to_compare=0, steps=1)) == "1 step"


class TestJson:
    def test_every_event_is_one_object_on_one_line(self) -> None:
        stream = io.StringIO()
        progress = JsonProgress(stream, every=NEVER)
        progress.on_plan([step("a")])
        progress.on_step("a", "running")
        progress.on_progress("a", 5, 100)
        progress.on_message("line\nbreak")
        progress.on_step("a", "done")
        progress.close()
        events = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert [event["event"] for event in events] == ["plan", "step", "message", "step", "progress"]
        assert events[1] | {"at": ""} == {"at": "", "event": "step", "step": "a", "state": "running"}
        assert events[-1]["fraction"] == 1.0
        assert events[-1]["copied"] == MB

    def test_running_steps_are_told_with_the_whole(self) -> None:
        stream = io.StringIO()
        progress = JsonProgress(stream, every=NEVER)
        progress.on_plan([step("a")])
        progress.on_step("a", "running")
        progress.on_progress("a", 5, 100)
        progress.close()
        last = json.loads(stream.getvalue().splitlines()[-1])
        assert last["running"][0]["rows"] == 5
        assert last["seconds_left"] is None


class TestTerminal:
    def test_the_whole_has_a_bar_a_rate_and_the_time_that_is_left(self) -> None:
        first, second = shown(live_picture(picture())).splitlines()[:2]
        assert first.split()[1:] == ["45%", "83.0", "MB/s", "0:18", "left"]
        assert second.strip() == "copied 600 MB of 1.3 GB, 1,234,567 rows, steps 213 of 640"

    def test_comparison_is_shown_once_it_has_begun(self) -> None:
        assert "compared 5.0 MB of 1.3 GB" in shown(live_picture(picture(compared=5 * MB)))

    def test_a_mere_comparison_has_nothing_copied(self) -> None:
        line = shown(live_picture(picture(to_copy=0, copied=0, rows=0))).splitlines()[1]
        assert line.strip() == "compared 0 B of 1.3 GB, steps 213 of 640"

    def test_trouble_is_shown(self) -> None:
        assert "2 failed, 5 blocked" in shown(live_picture(picture(failed=2, blocked=5)))

    def test_every_running_step_has_its_own_figures(self) -> None:
        running = Running(title="copy sales.orders", size=400 * MB, rows=280_000, bytes=40 * MB, seconds=10.0)
        line = shown(live_picture(picture(running=(running,)))).splitlines()[-1]
        assert line.split() == ["10%", "40.0", "MB", "280,000", "4.0", "MB/s", "10.0", "s", "copy", "sales.orders"]

    def test_no_percentage_where_more_is_sent_than_the_table_takes(self) -> None:
        running = Running(title="copy t", size=MB, rows=1, bytes=2 * MB, seconds=0.1)
        assert "%" not in shown(live_picture(picture(running=(running,)))).splitlines()[-1]

    def test_a_narrow_terminal_cuts_names_not_figures(self) -> None:
        running = Running(title="copy " + "n" * 200, size=400 * MB, rows=280_000, bytes=40 * MB, seconds=10.0)
        lines = shown(live_picture(picture(running=(running,))), width=80).splitlines()
        assert all(len(line) <= 80 for line in lines)
        assert "280,000" in lines[-1]
        assert lines[-1].endswith("…")

    def test_steps_beyond_what_fits_are_counted(self) -> None:
        running = tuple(Running(title=f"t{i}", size=1, rows=0, bytes=0, seconds=0.0) for i in range(MOST_RUNNING + 3))
        assert shown(live_picture(picture(running=running))).splitlines()[-1].strip() == "and 3 steps more"

    def test_messages_stay_and_are_not_taken_for_markup(self) -> None:
        stream = Terminal()
        progress = TerminalProgress(stream)
        progress.on_plan([step("a")])
        progress.on_message("column [red]x[/red] failed")
        progress.close()
        assert "column [red]x[/red] failed" in stream.getvalue()

    def test_standard_output_is_not_taken_over(self, capsys: pytest.CaptureFixture[str]) -> None:
        progress = TerminalProgress(Terminal())
        progress.on_plan([step("a")])
        print("mine")
        progress.close()
        assert capsys.readouterr().out == "mine\n"

    def test_a_second_plan_takes_the_place_of_the_first(self) -> None:
        progress = TerminalProgress(Terminal())
        progress.on_plan([step("a")])
        progress.on_plan([step("b")])
        progress.on_step("b", "running")
        progress.close()


class TestNobodyReads:
    @pytest.mark.parametrize("mode", ["lines", "json", "terminal"])
    def test_a_closed_terminal_does_not_stop_the_work(self, mode: str) -> None:
        progress = open_progress(mode, Gone())
        progress.on_plan([step("a")])
        progress.on_step("a", "running")
        progress.on_message("hello")
        progress.close()

    def test_after_the_first_failure_writing_is_not_tried_again(self) -> None:
        stream = Gone()
        lasting = LastingStream(stream)
        assert lasting.write("abc") == 3
        assert not lasting.is_read
        stream.close()
        lasting.flush()
        assert lasting.write("abc") == 3

    def test_what_can_be_read_is_written(self) -> None:
        stream = io.StringIO()
        lasting = LastingStream(stream)
        assert lasting.write("abc") == 3
        lasting.flush()
        assert stream.getvalue() == "abc"
        assert lasting.is_read
        assert not lasting.isatty()
