"""Makes the prechecks, and lets the user's policy judge what they find."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import psycopg

from dtsrun.api import (
    Check,
    CheckContext,
    CheckResult,
    Finding,
    MigrationType,
    Outcome,
    Severity,
    SkipCheck,
    Undetermined,
)
from dtsrun.engine.policy import Policy, waivers_result, weigh
from dtsrun.errors import DtsrunError
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

WORST_FIRST: Final = (Outcome.FAILED, Outcome.UNDETERMINED, Outcome.ALARM, Outcome.SKIPPED, Outcome.PASSED)

PARALLEL: Final = 4
"""Checks at once: each has sessions of its own on both ends."""

_Context = TypeVar("_Context", bound=CheckContext)

ContextOf = Callable[[Check[_Context], Mapping[str, Any]], _Context]
"""Gives a check what it may use, with its options of the policy."""


def run_checks(
    checks: Sequence[Check[_Context]],
    policy: Policy,
    migration_type: MigrationType,
    context_of: ContextOf[_Context],
    *,
    parallel: int = PARALLEL,
    origin_of: Callable[[str], str] = lambda name: "",
) -> list[CheckResult]:
    """Make the checks, each once those that it requires have passed, and return what came of them, worst first.

    One that breaks does not stop the others; it is undetermined.

    Args:
        origin_of: gives the distribution of a check, which is named where the check has a bug.
    """
    making = _Making(policy, migration_type, context_of, origin_of)
    results: dict[str, CheckResult] = {}
    left = list(checks)
    jobs: set[Future[CheckResult]] = set()
    with ThreadPoolExecutor(parallel, thread_name_prefix="check") as pool:
        while left or jobs:
            unknown = {check.name for check in checks} - set(results)
            ready = [check for check in left if not unknown & {*check.requires, *check.after}]
            left = [check for check in left if check not in ready]
            jobs |= {pool.submit(making.result_of, check, dict(results)) for check in ready}
            done, jobs = wait(jobs, return_when=FIRST_COMPLETED)
            results.update({job.result().check: job.result() for job in done})
    ordered = [results[check.name] for check in checks]
    on_waivers = waivers_result(policy, ordered)
    return sorted([*ordered, *([on_waivers] if on_waivers else [])], key=lambda r: WORST_FIRST.index(r.outcome))


def blocking(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return what must be mended first."""
    return [result for result in results if result.outcome is Outcome.FAILED]


def alarms(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return what may go on at the user's word."""
    return [result for result in results if result.outcome is Outcome.ALARM]


@dataclass(frozen=True, slots=True)
class _Making(Generic[_Context]):
    """What is the same for all checks of one run."""

    policy: Policy
    migration_type: MigrationType
    context_of: ContextOf[_Context]
    origin_of: Callable[[str], str]

    def result_of(self, check: Check[Any], earlier: Mapping[str, CheckResult]) -> CheckResult:
        """Make one check, unless it is not to be made; never raises for what the check does."""
        started = time.monotonic()
        result = _empty(check)
        if reason := self._not_made(check, earlier):
            return replace(result, outcome=Outcome.SKIPPED, reason=reason)
        try:
            result = self._made(check, result)
        except SkipCheck as skip:
            result = replace(result, outcome=Outcome.SKIPPED, reason=str(skip))
        except Undetermined as doubt:
            result = _doubt(result, self.policy, str(doubt))
        except (psycopg.Error, DtsrunError) as error:
            lacks = "the account lacks a privilege: " if reaction(error) is Reaction.PRIVILEGE else ""
            result = _doubt(result, self.policy, f"{lacks}{describe(error)}")
        except Exception as error:  # noqa: BLE001 - whatever a bug of one check raises, the others go on
            result = _doubt(result, self.policy, _bug(check, self.origin_of(check.name), error))
        return replace(result, seconds=time.monotonic() - started)

    def _made(self, check: Check[Any], result: CheckResult) -> CheckResult:
        findings = list(check.check(self.context_of(check, self.policy.options(check))))
        judged = tuple(weigh(finding, check, self.policy) for finding in findings)
        return replace(result, outcome=_outcome(judged), findings=judged)

    def _not_made(self, check: Check[Any], earlier: Mapping[str, CheckResult]) -> str | None:
        if (self.policy.severity(check) or check.severity) is Severity.OFF:
            return "the policy switches it off"
        if self.migration_type not in check.types:
            return f"does not concern a {self.migration_type} migration"
        for name in check.requires:
            if name in earlier and earlier[name].outcome in (Outcome.FAILED, Outcome.UNDETERMINED):
                return f"needs {name}, which did not pass"
        return None


def _outcome(findings: Iterable[Finding]) -> Outcome:
    counted = {finding.severity for finding in findings}
    if Severity.FAIL in counted:
        return Outcome.FAILED
    return Outcome.ALARM if Severity.ALARM in counted else Outcome.PASSED


def _bug(check: Check[Any], origin: str, error: Exception) -> str:
    """Return words on an exception that nobody foresaw: whose it is, and where it was raised."""
    owner = f"{check.name} of {origin}" if origin else check.name
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"a bug in {owner}: {type(error).__name__}: {describe(error)} ({Path(frame.filename).name}:{frame.lineno})"


def _empty(check: Check[Any]) -> CheckResult:
    title = check.title or (check.__doc__ or check.name).strip().splitlines()[0].rstrip(".")
    return CheckResult(check=check.name, title=title, side=check.side, outcome=Outcome.PASSED)


def _doubt(result: CheckResult, policy: Policy, reason: str) -> CheckResult:
    """Return what a check that could not know counts as; the reason says that it is not known."""
    outcome = {
        Severity.FAIL: Outcome.FAILED,
        Severity.ALARM: Outcome.ALARM,
        Severity.OFF: Outcome.UNDETERMINED,
    }[policy.undetermined]
    return replace(result, outcome=outcome, reason=f"could not be determined: {reason}")
