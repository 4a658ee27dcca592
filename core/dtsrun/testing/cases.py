"""Cases of checks, written in YAML: what stands on both ends, and what the check makes of it.

    - case: a table whose name needs quotes
      source: create table "my table" (id int);
      outcome: failed
      findings:
        - {subject: "{database}.public.my table", message: the name needs quotes}

    - case: the target has the table already
      source: create table t (id int);
      target: create table t (id int);
      outcome: passed

Keys beside these: `options` (of the check), `policy` (as in a policy file), `type` (structural, full, ...), `versions`
(`{source: 14, target: 17}`; 16 and 18 if left out), `reason` (words of the reason of a skipped or undetermined check).
Databases are fresh; `{database}` stands for the source's name. Of a finding, only the keys that
are named are compared. Roles live longer than databases: a case must not create any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from dtsrun.api import Check, CheckResult, Finding, MigrationType, Precheck, Route
from dtsrun.engine.checks import run_checks
from dtsrun.engine.policy import Policy
from dtsrun.plan import with_defaults
from dtsrun.postgres.script import run_text
from dtsrun.testing.fakes import FakeCheckContext, make_spec

KEYS = frozenset({"case", "source", "target", "outcome", "findings", "options", "policy", "type", "versions", "reason"})


class RunCase(Protocol):
    """The fixture `run_case`."""

    def __call__(self, check: type[Precheck], case: Case) -> CheckResult:
        """Set both ends up, make the check and compare; return what came of it for further looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case of a check."""

    case: str
    outcome: str
    source: str = ""
    target: str | None = None
    """None: the database does not exist on the target."""
    findings: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    type: str = "full"
    versions: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        return self.case


def load_cases(name: str | Path, *, near: str | Path | None = None) -> list[Case]:
    """Return the cases of a file; `near` is a file beside it, usually `__file__`.

    Raises:
        ValueError: a case has an unknown key or lacks one.
    """
    path = Path(near).parent / name if near else Path(name)
    cases = []
    for number, item in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), start=1):
        unknown, missing = sorted(set(item) - KEYS), sorted({"case", "outcome"} - set(item))
        if unknown or missing:
            raise ValueError(f"{path}: case {number}: unknown keys {unknown}, missing keys {missing}")
        cases.append(Case(**item))
    return cases


def check_case(
    check: type[Precheck],
    case: Case,
    *,
    server: Callable[[int], Route],
    fresh_database: Callable[..., str],
    default_versions: Mapping[str, int],
) -> CheckResult:
    """Set both ends up, make the check and compare; return what came of it."""
    versions = {**default_versions, **case.versions}
    source, target = server(versions["source"]), server(versions["target"])
    database = fresh_database(source)
    # On one and the same server the counterpart needs another name.
    counterpart = f"{database}_target" if source == target else database
    run_text(source, case.source, database)
    if case.target is not None:
        run_text(target, case.target, fresh_database(target, name=counterpart))
    result = make_check(check, case, source=source, target=target, databases={database: counterpart})
    _compare(case, result, database)
    return result


def make_check(
    check: type[Precheck], case: Case, *, source: Route, target: Route, databases: Mapping[str, str]
) -> CheckResult:
    """Make a check as a task does, with the policy's word on it; databases by name with those on the target."""
    spec = make_spec(databases, migration_type=MigrationType(case.type))
    document = {"undetermined": "off", **case.policy}
    with FakeCheckContext(source=source, target=target, spec=spec) as context:

        def context_of(plugin: Check[Any], options: Mapping[str, Any]) -> FakeCheckContext:
            context.options = with_defaults(plugin, {**case.options, **options})
            return context

        return run_checks([check()], Policy(document), spec.migration_type, context_of)[0]


def _compare(case: Case, result: CheckResult, database: str) -> None:
    expected = [_filled(finding, database) for finding in case.findings]
    seen = [_shown(finding) for finding in result.findings]
    assert str(result.outcome) == case.outcome, f"{result.reason} {seen}"
    assert case.reason in result.reason
    named = [{key: shown[key] for key in wanted} for wanted, shown in zip(expected, seen, strict=False)]
    assert named == expected
    assert len(seen) == len(expected), f"more or fewer findings: {seen}"


def _filled(finding: Mapping[str, Any], database: str) -> dict[str, Any]:
    return {key: value.replace("{database}", database) for key, value in finding.items()}


def _shown(finding: Finding) -> dict[str, str]:
    return {
        "subject": finding.subject,
        "message": finding.message,
        "observed": finding.observed,
        "expected": finding.expected,
        "severity": str(finding.severity),
        "fix": finding.fix.text if finding.fix else "",
        "sql": "\n".join(finding.fix.sql) if finding.fix else "",
    }
