"""The report for programs holds every figure, as it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dtsrun.api import Deviation, Outcome
from dtsrun.report.as_json import as_values, report_json
from dtsrun.report.build import build_report


def test_the_report_is_one_document_with_every_field(troubled: Any) -> None:
    report = build_report(troubled.journal, troubled.name)
    document = json.loads(report_json(report))
    assert document["dtsrun_report"] == 1
    assert document["state"] == "failed"
    assert document["totals"]["rows"] == 1000
    assert document["differences"][0]["key"] == "(id)=(42)"
    assert document["failures"][0][1]["object"] == "VIEW sales.revenue"
    assert document["findings"][0]["findings"][0]["fix"]["sql"] == ['grant select on "s"."t" to migrator']


def test_one_line_for_streams_of_events(moved: Any) -> None:
    text = report_json(build_report(moved.journal, moved.name), indent=None)
    assert "\n" not in text
    assert json.loads(text)["task"] == "shop-to-cloud"


def test_times_keep_their_offset(moved: Any) -> None:
    document = json.loads(report_json(build_report(moved.journal, moved.name)))
    assert datetime.fromisoformat(document["started_at"]) == datetime(2026, 11, 22, 14, 3, 11, tzinfo=UTC)


def test_frozen_values_become_plain_ones() -> None:
    data = {"when": datetime(2026, 1, 1, tzinfo=UTC), "what": (Deviation(database=None, object="o", message="m"),)}
    assert as_values(data) == {
        "when": "2026-01-01T00:00:00+00:00",
        "what": [{"database": None, "object": "o", "message": "m"}],
    }


def test_what_json_does_not_know_becomes_text() -> None:
    assert as_values([Outcome.FAILED, Path("/x"), None, True, 1.5]) == ["failed", "/x", None, True, 1.5]
