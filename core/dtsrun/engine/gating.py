"""Makes the gates of a cutover as prechecks are made: in parallel, with the policy's word on what they find."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from dtsrun.api import (
    Check,
    CheckResult,
    Finding,
    Fix,
    GateContext,
    Inventory,
    Link,
    LinkStatus,
    Outcome,
    Severity,
    Side,
)
from dtsrun.engine.checking import Checking, CheckView
from dtsrun.engine.checks import run_checks
from dtsrun.engine.ends import verification_name
from dtsrun.engine.policy import Policy
from dtsrun.engine.prepare import Preparation
from dtsrun.errors import CalledOff
from dtsrun.journal import Journal
from dtsrun.watch.drift import Drift

LATE_STAGES: Final = ("complete", "verify")
"""What the cutover does itself."""

NEVER_OVERRULED: Final = frozenset({"gate.copy_complete"})
"""Gates that stay shut whatever the user says: what is not there cannot be handed over."""

DRIFT_SEVERITIES: Final[Mapping[str, Severity]] = {
    "large object": Severity.OFF,  # the cutover aligns them
    "role": Severity.ALARM,
    "setting": Severity.ALARM,
}
"""Kinds of drift that weigh less than the gate does: no row is missing because of them."""

MOST_SAID: Final = 10
"""Findings of one gate that become events; the journal's summary has all."""

Say = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What `dtsrun verify` found while changes were followed."""

    at: datetime
    differences: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the task knows of itself when the gates are made (see `dtsrun.api.GateContext`)."""

    databases: Collection[str]
    """That are moved; one that came since takes a task of its own."""
    links: Sequence[Link]
    statuses: Callable[[], Sequence[LinkStatus]]
    """Safe to call from another thread."""
    fence: str
    open_steps: Sequence[str]
    drifts: Sequence[Finding]
    verified: Verified | None
    will_verify: bool


@dataclass(frozen=True, slots=True)
class GateView(CheckView):
    """What a gate may use."""

    known: Known

    @property
    def inventory(self) -> Inventory:
        """What is moved, as it is now."""
        found = self.checking.preparation.inventory
        moved = {name: each for name, each in found.databases.items() if name in self.known.databases}
        return replace(found, databases=moved)

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
        return self.known.verified.differences if self.known.verified else None

    @property
    def verified_at(self) -> datetime | None:
        """When that was."""
        return self.known.verified.at if self.known.verified else None

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


def pass_gates(results: Sequence[CheckResult], policy: Policy, say: Say, *, force: bool) -> None:
    """Say what keeps gates shut, or is to be known of them.

    An alarm is said and passed, unless the policy's `alarms` is `fail`: the user asked for the cutover, and the proof
    does not rely on a gate.

    Args:
        force: go on in spite of gates that may be overruled.

    Raises:
        CalledOff: a gate stays shut.
    """
    for result in results:
        for text in gate_texts(result)[: MOST_SAID + 1]:
            say("gate", text)
    shut = [result for result in results if _is_shut(result, policy)]
    kept = [result for result in shut if not force or result.check in NEVER_OVERRULED]
    if kept:
        first = gate_texts(kept[0])[0]
        more = f"; and {len(kept) - 1} more gates: {', '.join(r.check for r in kept[1:])}" if kept[1:] else ""
        overrule = "" if any(r.check in NEVER_OVERRULED for r in kept) else ", or overrule it with --force"
        fixes = (finding.fix.text for finding in kept[0].findings if finding.fix is not None)
        fix = next((text for text in fixes if text), "mend it")
        raise CalledOff(f"{first}{more}", hint=f"{fix}, or waive it in the policy{overrule}")


def gate_texts(result: CheckResult) -> list[str]:
    """Return the sentences of a gate that has something to say."""
    if result.outcome in (Outcome.PASSED, Outcome.SKIPPED):
        return []
    found = [finding.message for finding in result.findings if finding.severity is not Severity.OFF]
    return [f"{result.outcome} {result.check}: {text}" for text in found or [result.reason]]


def open_steps(journal: Journal, task: str) -> list[str]:
    """Return the titles of the steps before the cutover that are not done, with why."""
    return [
        f"{step.title or step.key}{f': {step.message}' if step.message else ''}"
        for step in journal.steps(task)
        if step.stage not in LATE_STAGES and step.state != "done"
    ]


def last_verified(journal: Journal, task: str) -> Verified | None:
    """Return what the last `dtsrun verify` of a task found; None where none came to its end since the task began."""
    known, made = journal.task(task), journal.task(verification_name(task))
    if known is None or made is None or made.finished_at is None or made.started_at < known.started_at:
        return None
    differences = len(journal.differences(made.name))
    # One that broke off for another reason has not seen all.
    return Verified(at=made.finished_at, differences=differences) if differences or made.state == "succeeded" else None


def drift_findings(journal: Journal, task: str) -> list[Finding]:
    """Return what the sentinels told and nobody has mended since, as findings of `gate.drift`."""
    return [_drift_finding(Drift.from_data(event.data), task, event.id) for event in journal.open_drifts(task)]


def _drift_finding(drift: Drift, task: str, number: int) -> Finding:
    repair = drift.repair
    by_hand = f"mend it by hand, or leave it as it is: dtsrun repair {task} {number} --accept"
    text = f"`dtsrun repair {task}` mends it (number {number})" if repair else by_hand
    side: Side = "source" if repair and repair.side == "source" else "target"
    return Finding(
        subject=f"{drift.database}.{drift.object}" if drift.database else drift.object,
        message=drift.message,
        observed=drift.kind,
        expected="as it was when the task began",
        fix=Fix(text=text, sql=repair.sql if repair else (), side=side),
        severity=DRIFT_SEVERITIES.get(drift.kind),
    )


def _is_shut(result: CheckResult, policy: Policy) -> bool:
    is_alarm = result.outcome is Outcome.ALARM and policy.alarms == "fail"
    return result.outcome is Outcome.FAILED or is_alarm
