"""The connectivity test as lines."""

from __future__ import annotations

from typing import Any

from dtsrun.api import ProbeResult
from dtsrun.report.probes import probe_text


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
