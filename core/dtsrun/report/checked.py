"""What `dtsrun check` came to, as data for its renderers, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dtsrun.api import CheckResult, Finding, Severity
from dtsrun.report.as_json import as_values


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """All checks of one run."""

    task: str
    spec_path: str
    at: datetime
    results: Sequence[CheckResult]
    """Worst first."""
    ties: Mapping[str, str] = field(default_factory=dict)
    """Hashes of what the results are tied to: `spec`, `policy`, `inventory`, and of all three `digest`."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """Databases that are moved, by name with those of the target."""
    exit_code: int = 0


def checked_json(checked: Checked) -> str:
    """Return it as one JSON document."""
    values = {
        "dtsrun_checks": 1,
        "task": checked.task,
        "spec": checked.spec_path,
        "at": checked.at,
        "tied_to": checked.ties,
        "exit_code": checked.exit_code,
        "results": checked.results,
    }
    return json.dumps(as_values(values), indent=2, ensure_ascii=False)


def is_waived(finding: Finding) -> bool:
    """Tell whether a waiver of the policy covers a finding, so that it does not count."""
    return finding.severity is Severity.OFF


def finding_text(finding: Finding) -> str:
    """Return a finding in one paragraph, for places that know no layout."""
    parts = [f"{finding.subject}: {finding.message}"]
    parts += [f"{word}: {text}" for word, text in _facts(finding) if text]
    return "\n".join([*parts, *(f"{statement.rstrip().rstrip(';')};" for statement in _statements(finding))])


def _facts(finding: Finding) -> Sequence[tuple[str, str]]:
    fix = finding.fix.text if finding.fix else ""
    return (("observed", finding.observed), ("expected", finding.expected), ("fix", fix))


def _statements(finding: Finding) -> Sequence[str]:
    return finding.fix.sql if finding.fix else ()
