"""Checks as SARIF 2.1.0 (an OASIS standard), which code hosts show beside a change to the spec or the policy.

A check is a rule, a finding a result; a waived finding is a result that is suppressed, with the waiver's reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from dtsrun.api import CheckResult, Finding, Outcome, Severity
from dtsrun.report.as_json import as_values
from dtsrun.report.checked import Checked, finding_text, is_waived

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: Final = {Severity.FAIL: "error", Severity.ALARM: "warning"}
_KINDS: Final = {Outcome.PASSED: "pass", Outcome.SKIPPED: "notApplicable"}


def checked_sarif(checked: Checked) -> str:
    """Return the document."""
    run = {
        "tool": {"driver": _driver(checked)},
        "automationDetails": {"id": f"dtsrun check/{checked.task}"},
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": checked.exit_code,
                "endTimeUtc": checked.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
        "properties": {"tiedTo": dict(checked.ties)},
        "results": list(_results(checked)),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _driver(checked: Checked) -> Mapping[str, Any]:
    rules = [_rule(result) for result in checked.results]
    return {"name": "dtsrun", "semanticVersion": version("dtsrun"), "rules": rules}


def _rule(result: CheckResult) -> Mapping[str, Any]:
    return {"id": result.check, "shortDescription": {"text": result.title or result.check}}


def _results(checked: Checked) -> Iterator[Mapping[str, Any]]:
    for index, result in enumerate(checked.results):
        common = {"ruleId": result.check, "ruleIndex": index}
        location = {"physicalLocation": _spec_location(checked)}
        if not result.findings:
            yield {**common, **_without_findings(result), "locations": [location]}
        for finding in result.findings:
            yield {**common, **_of_finding(result, finding, location)}


def _without_findings(result: CheckResult) -> Mapping[str, Any]:
    """Only results of the kind `fail` may have a level."""
    text = result.reason or result.title or result.check
    if kind := _KINDS.get(result.outcome):
        return {"kind": kind, "level": "none", "message": {"text": text}}
    level = "error" if result.outcome is Outcome.FAILED else "warning"
    return {"kind": "fail", "level": level, "message": {"text": text}}


def _of_finding(result: CheckResult, finding: Finding, location: Mapping[str, Any]) -> Mapping[str, Any]:
    level = _LEVELS.get(finding.severity or Severity.FAIL, "note")
    subject = {"fullyQualifiedName": finding.subject, "kind": "object"}
    found = {
        "kind": "fail",
        "level": level,
        "message": {"text": finding_text(finding)},
        "locations": [{**location, "logicalLocations": [subject]}],
        "partialFingerprints": {"checkAndSubject/v1": _sha256(f"{result.check}\0{finding.subject}")},
        "properties": {"side": result.side, "evidence": as_values(finding.evidence)},
    }
    if not is_waived(finding):
        return found
    reason = str(finding.evidence.get("waiver") or finding.message)
    return {**found, "suppressions": [{"kind": "external", "status": "accepted", "justification": reason}]}


def _spec_location(checked: Checked) -> Mapping[str, Any]:
    path = Path(checked.spec_path)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
