"""Makes the gates of a cutover as prechecks are made: in parallel, with the policy's word on what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dtsrun.api import Check, CheckResult, Finding, GateContext, Link, LinkStatus
from dtsrun.engine.checking import Checking, CheckView
from dtsrun.engine.checks import run_checks
from dtsrun.engine.policy import Policy
from dtsrun.engine.prepare import Preparation


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the task knows of itself when the gates are made (see `dtsrun.api.GateContext`)."""

    links: Sequence[Link]
    statuses: Callable[[], Sequence[LinkStatus]]
    """Safe to call from another thread."""
    fence: str
    open_steps: Sequence[str]
    drifts: Sequence[Finding]
    differences: int | None
    will_verify: bool


@dataclass(frozen=True, slots=True)
class GateView(CheckView):
    """What a gate may use."""

    known: Known

    @property
    def links(self) -> Sequence[Link]:
        """All that is followed."""
        return self.known.links

    @property
    def fence(self) -> str:
        """How dtsrun will close the source."""
        return self.known.fence

    @property
    def open_steps(self) -> Sequence[str]:
        """Steps before the cutover that are not done."""
        return self.known.open_steps

    @property
    def drifts(self) -> Sequence[Finding]:
        """What changed on the source and is not repaired."""
        return self.known.drifts

    @property
    def differences(self) -> int | None:
        """How many differences the last verification found."""
        return self.known.differences

    @property
    def will_verify(self) -> bool:
        """Whether the cutover compares both ends."""
        return self.known.will_verify

    def statuses(self) -> Sequence[LinkStatus]:
        """Return how the links stand now."""
        return self.known.statuses()


def make_gates(preparation: Preparation, known: Known) -> list[CheckResult]:
    """Make all gates that the policy leaves, and return what came of them, worst first.

    `dtsrun.engine.checks.blocking` tells which of them keep the gate shut; for alarms the policy's `alarms` decides, as
    for those of prechecks.
    """
    ends = preparation.ends
    checking = Checking(preparation)

    def context_of(gate: Check[GateContext], options: Mapping[str, Any]) -> GateContext:
        view = checking.context(gate, options)
        return GateView(view.checking, view.options, known)

    try:
        return run_checks(
            ends.registry.gates,
            Policy.of(ends.spec),
            ends.spec.migration_type,
            context_of,
            origin_of=lambda name: ends.registry.origins.get(name, ""),
        )
    finally:
        checking.close()
