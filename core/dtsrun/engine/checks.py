"""Makes the prechecks, and lets the user's policy judge what they find."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

import psycopg

from dtsrun.api import (
    CheckContext,
    CheckResult,
    Finding,
    MigrationType,
    Outcome,
    Precheck,
    Severity,
    SkipCheck,
    Undetermined,
)
from dtsrun.errors import DtsrunError
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

WORST_FIRST: Final = (Outcome.FAILED, Outcome.UNDETERMINED, Outcome.ALARM, Outcome.SKIPPED, Outcome.PASSED)


@dataclass(frozen=True, slots=True)
class Policy:
    """The user's own word on checks."""

    document: Mapping[str, Any]

    def severity(self, check: Precheck) -> Severity | None:
        """Return the severity that the policy gives a check, None where it says nothing."""
        given = self._of(check).get("severity")
        return Severity(given) if given else None

    def options(self, check: Precheck) -> Mapping[str, Any]:
        """Return the options that the policy gives a check."""
        options: Mapping[str, Any] = self._of(check).get("options", {})
        return options

    @property
    def undetermined(self) -> Severity:
        """Return what a check that could not know counts as."""
        return Severity(self.document.get("undetermined", "fail"))

    @property
    def alarms(self) -> str:
        """Return what to do about alarms: continue | confirm | fail."""
        return str(self.document.get("alarms", "confirm"))

    def waiver(self, check: str, subject: str) -> Mapping[str, Any] | None:
        """Return the waiver that covers a finding, expired or not."""
        for waiver in self.document.get("waivers", ()):
            objects = waiver.get("object", "*")
            # Findings name the database first; a waiver may leave it out, as specs do.
            if fnmatch.fnmatchcase(check, waiver["check"]) and (
                fnmatch.fnmatchcase(subject, objects) or fnmatch.fnmatchcase(subject, f"*.{objects}")
            ):
                found: Mapping[str, Any] = waiver
                return found
        return None

    def _of(self, check: Precheck) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get("checks", {}).get(check.name, {})
        return found


def run_checks(
    checks: Sequence[Precheck],
    policy: Policy,
    migration_type: MigrationType,
    context_of: Callable[[Precheck, Mapping[str, Any]], CheckContext],
    *,
    parallel: int = 4,
) -> list[CheckResult]:
    """Make the checks, each once those that it requires have passed, and return what came of them, worst first.

    One that breaks does not stop the others; it is undetermined.
    """
    results: dict[str, CheckResult] = {}
    left = list(checks)
    with ThreadPoolExecutor(parallel, thread_name_prefix="check") as pool:
        while left:
            names = {check.name for check in left}
            ready = [check for check in left if not names & {*check.requires, *check.after}]
            left = [check for check in left if check not in ready]
            jobs = [pool.submit(_result_of, c, policy, migration_type, context_of, dict(results)) for c in ready]
            results.update({job.result().check: job.result() for job in jobs})
    return sorted(results.values(), key=lambda r: WORST_FIRST.index(r.outcome))


def blocking(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return what must be mended first."""
    return [result for result in results if result.outcome is Outcome.FAILED]


def alarms(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return what may go on at the user's word."""
    return [result for result in results if result.outcome is Outcome.ALARM]


def _result_of(
    check: Precheck,
    policy: Policy,
    migration_type: MigrationType,
    context_of: Callable[[Precheck, Mapping[str, Any]], CheckContext],
    earlier: Mapping[str, CheckResult],
) -> CheckResult:
    started = time.monotonic()
    result = _empty(check)
    reason = _not_made(check, policy, migration_type, earlier)
    if reason:
        return replace(result, outcome=Outcome.SKIPPED, reason=reason)
    try:
        findings = list(check.check(context_of(check, policy.options(check))))
        result = _judge(result, check, policy, findings)
    except SkipCheck as skip:
        result = replace(result, outcome=Outcome.SKIPPED, reason=str(skip))
    except Undetermined as doubt:
        result = _doubt(result, policy, str(doubt))
    except (psycopg.Error, DtsrunError) as error:
        lacks = "the account lacks a privilege: " if reaction(error) is Reaction.PRIVILEGE else ""
        result = _doubt(result, policy, f"{lacks}{describe(error)}")
    return replace(result, seconds=time.monotonic() - started)


def _empty(check: Precheck) -> CheckResult:
    title = check.title or (check.__doc__ or check.name).strip().splitlines()[0].rstrip(".")
    return CheckResult(check=check.name, title=title, side=check.side, outcome=Outcome.PASSED)


def _not_made(
    check: Precheck, policy: Policy, migration_type: MigrationType, earlier: Mapping[str, CheckResult]
) -> str | None:
    if policy.severity(check) is Severity.OFF:
        return "the policy switches it off"
    if migration_type not in check.types:
        return f"does not concern a {migration_type} migration"
    for name in check.requires:
        if name in earlier and earlier[name].outcome in (Outcome.FAILED, Outcome.UNDETERMINED):
            return f"needs {name}, which did not pass"
    return None


def _doubt(result: CheckResult, policy: Policy, reason: str) -> CheckResult:
    """Return what a check that could not know counts as; the reason says that it is not known."""
    outcome = {
        Severity.FAIL: Outcome.FAILED,
        Severity.ALARM: Outcome.ALARM,
        Severity.OFF: Outcome.UNDETERMINED,
    }[policy.undetermined]
    return replace(result, outcome=outcome, reason=f"could not be determined: {reason}")


def _judge(result: CheckResult, check: Precheck, policy: Policy, findings: Sequence[Finding]) -> CheckResult:
    judged = tuple(_weigh(finding, check, policy) for finding in findings)
    counted = [finding.severity for finding in judged]
    outcome = Outcome.PASSED
    if Severity.ALARM in counted:
        outcome = Outcome.ALARM
    if Severity.FAIL in counted:
        outcome = Outcome.FAILED
    return replace(result, outcome=outcome, findings=judged)


def _weigh(finding: Finding, check: Precheck, policy: Policy) -> Finding:
    severity = policy.severity(check) or finding.severity or check.severity
    waiver = policy.waiver(check.name, finding.subject)
    if waiver is None:
        return replace(finding, severity=severity)
    until = date.fromisoformat(str(waiver["until"])) if "until" in waiver else None
    said = f"{waiver.get('reason', 'no reason given')}, {waiver.get('owner', 'nobody')}"
    if until and until < datetime.now(UTC).date():
        return replace(finding, severity=severity, message=f"{finding.message} (its waiver ended on {until}: {said})")
    return replace(finding, severity=Severity.OFF, message=f"{finding.message} (waived: {said})")
