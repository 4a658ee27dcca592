"""The connectivity test as lines."""

from __future__ import annotations

from typing import Any

import pytest

from dtsrun.api import ProbeResult
from dtsrun.engine.connectivity import CopyEstimate
from dtsrun.report.probes import estimate_text, probe_text


def probe(**changes: Any) -> ProbeResult:
    values: dict[str, Any] = {"side": "source", "step": "tcp", "status": "ok", "seconds": 0.012, "message": "db:5432"}
    return ProbeResult(**{**values, **changes})


def test_a_step_that_worked_is_one_line() -> None:
    assert probe_text(probe()) == "source  tcp    ok         12 ms  db:5432"


def test_a_failure_names_its_cause_and_the_remedy() -> None:
    failed = probe(step="login", status="failed", message="no", cause="no_database", hint="create it first")
    first, second = probe_text(failed).splitlines()
    assert first == "source  login  failed     12 ms  no (no database)"
    assert second == " " * 32 + "hint: create it first"


def test_a_cause_that_is_not_known_is_not_named() -> None:
    assert "other" not in probe_text(probe(status="failed", cause="other"))


def test_a_step_that_was_not_made_took_no_time() -> None:
    line = probe_text(probe(side="target", step="login", status="skipped", message="tcp failed", seconds=0.0))
    assert line == "target  login  skipped           tcp failed"


def test_a_line_is_told_by_its_figures() -> None:
    figures = {"round_trip_seconds": 0.00123, "bytes_per_second": 83 * 1024 * 1024.0}
    line = probe_text(probe(step="line", figures=figures, seconds=1.1))
    assert line == "source  line   ok         1.1 s  round trip 1.23 ms; this machine receives 83.0 MB/s"
    far = {**figures, "round_trip_seconds": 0.18}
    assert "round trip 180 ms; this machine sends" in probe_text(probe(side="target", step="line", figures=far))


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        ({"bytes": None, "problem": "no such database"}, "How much is selected is not known: no such database"),
        ({"bytes": 0}, "No rows are selected."),
        (
            {"bytes": 10 * 1024**3, "seconds": 1024.0, "bytes_per_second": 10 * 1024**2, "bound": "target"},
            "The selected tables hold 10.0 GB: over the target's line (10.0 MB/s) that takes 17 min 04 s.",
        ),
        (
            {"bytes": 1024, "seconds": 0.01, "bytes_per_second": 102400.0, "bound": "rate_limit"},
            "The selected tables hold 1.0 kB: over resources.rate_limit (100 kB/s) that takes less than a second.",
        ),
    ],
)
def test_the_copys_time_is_told_in_a_sentence(estimate: dict[str, Any], words: str) -> None:
    assert estimate_text(CopyEstimate(**estimate)).strip().splitlines()[0] == words
