"""Both ends were compared, or will be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from dtsrun.api import Finding, Fix, Gate, GateContext, Severity
from dtsrun.spec.quantities import parse_duration


class Verification(Gate):
    """Both ends were compared, or will be.

    What it does
    ------------
    Looks what the last `dtsrun verify` of the task found while changes were followed: differences keep the gate shut
    until another verification finds none. Where the cutover itself does not compare both ends (`mode: none`), there has
    to be a verification, and a fresh one.

    Why it matters
    --------------
    A difference that is known before the cutover can be repaired while the links still flow; found by the cutover it
    calls that off, when the application has been kept out already.

    Spec
    ----
    `migration.stages.verify.mode` says how both ends are compared; `fresh` is how old the last verification may be
    where the cutover makes none.

    Needs
    -----
    Nothing: the task itself knows.

    Example
    -------
        failed  gate.verification  the last verification found 3 differences
          fix: mend what `dtsrun show shop.verify` lists, and verify again

    Limits
    ------
    What differs while it is written is told apart only by the verification itself.
    """

    name = "gate.verification"
    side = "both"
    options = {
        "properties": {
            "fresh": {
                "type": ["string", "integer"],
                "format": "dtsrun-duration",
                "default": "24h",
                "description": "How old the last verification may be where the cutover makes none.",
            }
        }
    }

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield what is known to differ, or that nothing is known."""
        at = context.verified_at
        if context.differences:
            noun = "difference" if context.differences == 1 else "differences"
            task = context.spec.task.name
            yield Finding(
                subject="verification",
                message=f"the last verification found {context.differences} {noun}{_when(at)}",
                observed=str(context.differences),
                expected="0",
                fix=Fix(text=f"mend what `dtsrun show {task}.verify` lists, and run `dtsrun verify {task}` again"),
            )
        elif context.will_verify:
            return
        elif at is not None and (age := (datetime.now(UTC) - at).total_seconds()) > _seconds(context.options["fresh"]):
            yield Finding(
                subject="verification",
                message=f"the last verification is {age / 3600:.1f} hours old, and the cutover makes none (mode: none)",
                observed=f"{at:%Y-%m-%d %H:%M:%S} UTC",
                expected=f"younger than {context.options['fresh']}",
                fix=Fix(text=f"run `dtsrun verify {context.spec.task.name}`"),
                severity=Severity.ALARM,
            )
        elif at is None:
            yield Finding(
                subject="verification",
                message="both ends were never compared, and the cutover will not compare them (mode: none)",
                observed="never",
                expected="once",
                fix=Fix(text="set migration.stages.verify.mode, or run `dtsrun verify` first"),
                severity=Severity.ALARM,
            )


def _when(at: datetime | None) -> str:
    return f" ({at:%Y-%m-%d %H:%M:%S} UTC)" if at else ""


def _seconds(given: str | int) -> float:
    return float(given) if isinstance(given, int) else parse_duration(given)
