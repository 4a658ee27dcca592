"""Events, for people and for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from dtsrun.journal import EventRecord
from dtsrun.report.events import event_json, event_text


def event(message: str, step: str | None = None) -> EventRecord:
    at = datetime(2026, 11, 22, 14, 3, 11, tzinfo=UTC)
    return EventRecord(id=7, at=at, kind="retry", step=step, message=message, data={"pause": 2})


def test_an_event_is_one_line_with_its_step() -> None:
    text = event_text(event("57P01: terminated", step="shop/copy/t"))
    assert text.endswith("  retry      57P01: terminated  [shop/copy/t]")


def test_further_lines_of_a_message_are_indented() -> None:
    assert event_text(event("ERROR: x\nDETAIL: y")).splitlines()[1] == "    DETAIL: y"


def test_an_empty_message_is_still_an_event() -> None:
    assert event_text(event("")).rstrip().endswith("retry")


def test_a_program_gets_everything_on_one_line() -> None:
    text = event_json(event("a\nb"))
    assert "\n" not in text
    assert json.loads(text) == {
        "id": 7,
        "at": "2026-11-22T14:03:11+00:00",
        "kind": "retry",
        "step": None,
        "message": "a\nb",
        "data": {"pause": 2},
    }
