"""Both ends were compared, or will be."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import Finding, Fix, Gate, GateContext, Severity


class Verification(Gate):
    """Both ends were compared, or will be.

    What it does
    ------------
    Looks whether the cutover itself compares both ends before it takes the links away, as it does unless the spec says
    `mode: none`; and where it does not, what the last verification found.

    Why it matters
    --------------
    A difference that is known before the cutover can be repaired while the links still flow.

    Spec
    ----
    `migration.stages.verify.mode` says how both ends are compared.

    Needs
    -----
    Nothing: the task itself knows.

    Example
    -------
        failed  gate.verification  the last verification found 3 differences
          fix: dtsrun show shop lists them; repair the tables, and verify again

    Limits
    ------
    What differs while it is written is told apart only by the verification itself.
    """

    name = "gate.verification"
    side = "both"

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield what is known to differ, or that nothing is known."""
        if context.will_verify:
            return
        if context.differences:
            noun = "difference" if context.differences == 1 else "differences"
            yield Finding(
                subject="verification",
                message=f"the last verification found {context.differences} {noun}",
                observed=str(context.differences),
                expected="0",
                fix=Fix(text="`dtsrun show TASK` lists them; repair what differs, and verify again"),
            )
        elif context.differences is None:
            yield Finding(
                subject="verification",
                message="both ends were never compared, and the cutover will not compare them (mode: none)",
                observed="never",
                expected="once",
                fix=Fix(text="set migration.stages.verify.mode, or run `dtsrun verify` first"),
                severity=Severity.ALARM,
            )
