"""Colour helps the eye and changes no letter."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from dtsrun.report.build import build_report
from dtsrun.report.terminal import show
from dtsrun.report.text import report_text

ESCAPE = re.compile(r"\x1b\[[\d;]*m")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with colours, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "60")


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    show("Next\n  FAILED  x")
    assert capsys.readouterr().out == "Next\n  FAILED  x\n"


def test_a_terminal_gets_the_same_letters(troubled: Any) -> None:
    text = report_text(build_report(troubled.journal, troubled.name))
    stream = Terminal()
    show(text, stream)
    assert "\x1b[" in stream.getvalue()
    assert ESCAPE.sub("", stream.getvalue()) == text + "\n"


def test_long_lines_are_not_wrapped_and_markup_is_text() -> None:
    stream = Terminal()
    text = "create role [bold]x[/bold] :smile: " + "y" * 200
    show(text, stream)
    assert ESCAPE.sub("", stream.getvalue()) == text + "\n"


@pytest.mark.parametrize(
    ("text", "word", "colour"),
    [
        ("t: failed in 2 s", "failed", "31"),
        ("t: succeeded in 2 s", "succeeded", "32"),
        ("a\n  FAILED        x", "FAILED", "31"),
        ("a\n  ALARM         x", "ALARM", "33"),
        ("a\n  no difference", "no difference", "32"),
        ("source  tcp    failed     12 ms  x", "failed", "31"),
        ("source  tcp    ok         12 ms  x", "ok", "32"),
        ("task  state\nshop  failed  full", "failed", "31"),
    ],
)
def test_words_that_say_how_it_went_stand_out(text: str, word: str, colour: str) -> None:
    stream = Terminal()
    show(text, stream)
    assert re.search(rf"\x1b\[[\d;]*{colour}m{word}", stream.getvalue())


def test_nobody_who_dislikes_colour_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    show("t: failed", stream)
    assert "31m" not in stream.getvalue()
