"""The connectivity test, one line a step, and what the copy would take."""

from __future__ import annotations

from typing import Final

from dtsrun.api import ProbeResult
from dtsrun.engine.connectivity import CopyEstimate
from dtsrun.report.columns import paragraph
from dtsrun.report.figures import rate_text, seconds_text, size_text

_BOUNDS: Final = {
    "source": "the source's line",
    "target": "the target's line",
    "rate_limit": "resources.rate_limit",
}


def probe_text(result: ProbeResult) -> str:
    """Return `source  login  failed  31 ms  ...`, and the remedy below it."""
    took = "" if result.status == "skipped" else seconds_text(result.seconds)
    cause = f" ({result.cause.replace('_', ' ')})" if result.cause and result.cause != "other" else ""
    message = _line_text(result) if result.figures else result.message
    line = f"{result.side:<6}  {result.step:<5}  {result.status:<7}  {took:>7}  {message}{cause}"
    hint = paragraph(result.hint, indent=32, label="hint: ") if result.hint else []
    return "\n".join([line.rstrip(), *hint])


def _line_text(result: ProbeResult) -> str:
    trip, rate = result.figures["round_trip_seconds"], result.figures["bytes_per_second"]
    direction = "receives" if result.side == "source" else "sends"
    return f"round trip {_trip_text(trip)}; this machine {direction} {rate_text(rate)}"


def _trip_text(seconds: float) -> str:
    """A round trip within one machine takes less than a millisecond, and is still worth telling from another."""
    return f"{seconds * 1000:.2f} ms" if seconds < 0.01 else seconds_text(seconds)


def estimate_text(estimate: CopyEstimate) -> str:
    """Return what the copy would take, in a sentence."""
    if estimate.bytes is None:
        return f"\nHow much is selected is not known: {estimate.problem}"
    if not estimate.bytes:
        return "\nNo rows are selected."
    slowest = f"{_BOUNDS[estimate.bound or 'source']} ({rate_text(estimate.bytes_per_second)})"
    took = estimate.seconds or 0.0
    span = seconds_text(took) if took >= 1 else "less than a second"
    return (
        f"\nThe selected tables hold {size_text(estimate.bytes)}: over {slowest} that takes {span}."
        "\nServers that read or write more slowly, and indexes, take longer."
    )
