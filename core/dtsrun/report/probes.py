"""The connectivity test, one line a step."""

from __future__ import annotations

from dtsrun.api import ProbeResult
from dtsrun.report.columns import paragraph
from dtsrun.report.figures import seconds_text


def probe_text(result: ProbeResult) -> str:
    """Return `source  login  failed  31 ms  ...`, and the remedy below it."""
    took = "" if result.status == "skipped" else seconds_text(result.seconds)
    cause = f" ({result.cause.replace('_', ' ')})" if result.cause and result.cause != "other" else ""
    line = f"{result.side:<6}  {result.step:<5}  {result.status:<7}  {took:>7}  {result.message}{cause}"
    hint = paragraph(result.hint, indent=32, label="hint: ") if result.hint else []
    return "\n".join([line.rstrip(), *hint])
