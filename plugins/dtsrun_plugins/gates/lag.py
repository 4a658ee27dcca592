"""The target has what the source has."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dtsrun.api import Finding, Fix, Gate, GateContext, LinkStatus
from dtsrun.watch.lag import Lag, Pace
from dtsrun.watch.positions import beat, current_position

LOOK_SECONDS = 0.5


class ZeroLag(Gate):
    """The target has what the source has.

    What it does
    ------------
    Watches every link for `hold` seconds. Each look has to find that no more than `bytes` of the source's log are
    still to come, or that what is still to come was written less than `seconds` ago: a source in use writes always.

    Why it matters
    --------------
    Applications wait from the fence until the last change is on the target. The lag before it says how long.

    Spec
    ----
    `prechecks.policy.checks."gate.lag".options`: `hold`, `bytes`, `seconds`.

    Needs
    -----
    Nothing beyond what the links need.

    Example
    -------
        failed  gate.lag  link dtsrun_shop_1c2d3e4f_1 is 41 MB and 17.3 s behind
          fix: wait until it has caught up; `dtsrun show shop --follow` shows the lag

    Limits
    ------
    Zero lag now is not zero lag after the fence: the drain waits for the rest, and the proof shows that it came.
    """

    name = "gate.lag"
    side = "both"
    options = {
        "properties": {
            "hold": {
                "type": "number",
                "minimum": 0,
                "maximum": 3600,
                "default": 2,
                "description": "How many seconds the lag has to stay at zero.",
            },
            "bytes": {
                "type": "integer",
                "minimum": 0,
                "default": 0,
                "description": "Bytes of the log that count as nothing.",
            },
            "seconds": {
                "type": "number",
                "minimum": 0,
                "default": 1,
                "description": "Age of a change that counts as nothing.",
            },
        }
    }

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield every link that does not keep up."""
        paces = {link.name: Pace() for link in context.links}
        for link in context.links:
            beat(context.source(link.database))
        deadline = time.monotonic() + context.options["hold"]
        while True:
            found = list(self._behind(context, paces))
            if found or time.monotonic() >= deadline:
                yield from found
                return
            time.sleep(LOOK_SECONDS)

    def _behind(self, context: GateContext, paces: dict[str, Pace]) -> Iterator[Finding]:
        position = current_position(context.source())
        for status in context.statuses():
            if status.state == "failed" or status.applied is None:
                yield _not_running(status)
                continue
            lag = paces[status.link].measure(position, status.applied)
            if lag.bytes > context.options["bytes"] and lag.seconds >= context.options["seconds"]:
                yield _late(status, lag)


def _not_running(status: LinkStatus) -> Finding:
    table = f" at {status.table}" if status.table else ""
    why = f": {status.error}" if status.error else ""
    return Finding(
        subject=status.link,
        message=f"link {status.link} is {status.state}{table}{why}",
        observed=status.state,
        expected="streaming",
        fix=Fix(text="mend what the error says; the link goes on by itself, or with `dtsrun resume`", side="target"),
    )


def _late(status: LinkStatus, lag: Lag) -> Finding:
    least = "at least " if lag.is_at_least else ""
    return Finding(
        subject=status.link,
        message=f"link {status.link} is {lag.bytes} bytes and {least}{lag.seconds:.1f} s behind",
        observed=f"{lag.bytes} bytes, {lag.seconds:.1f} s",
        expected="0",
        fix=Fix(text="wait until it has caught up; `dtsrun show TASK --follow` shows the lag"),
        evidence={"bytes": lag.bytes, "seconds": round(lag.seconds, 3)},
    )
