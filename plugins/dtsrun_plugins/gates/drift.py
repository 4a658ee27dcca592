"""Nothing has drifted that is not repaired."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import Finding, Gate, GateContext


class Drift(Gate):
    """Nothing has drifted that is not repaired.

    What it does
    ------------
    Lists what the sentinels saw change on the source since the copy and nobody has repaired: definitions, new tables
    and partitions, large objects, roles, their passwords and grants, settings of both servers.

    Why it matters
    --------------
    Logical replication carries rows alone. What else changed is missing on the target, and the application meets it on
    its first day there.

    Spec
    ----
    `prechecks.policy.checks`; it has no options. `dtsrun repair TASK NUMBER --accept` leaves a drift as it is; a waiver
    names the object of one that is known before.

    Needs
    -----
    What the sentinels need.

    Example
    -------
        failed  gate.drift  column orders.discount was added on the source
          fix: dtsrun repair shop

    Limits
    ------
    What came and went between two looks of the sentinels is not seen, and no longer matters.
    """

    name = "gate.drift"
    side = "source"

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield every open drift."""
        yield from context.drifts
