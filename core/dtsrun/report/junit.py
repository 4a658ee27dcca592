"""Checks as JUnit XML, which every build server shows: a check is a test case.

A failed check is a failure, one that could not know and blocks is an error, an alarm is a passed case with its words as
output: the exit code says the same.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from dtsrun.api import CheckResult, Outcome
from dtsrun.report.checked import Checked, finding_text

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not know, not even as references (the specification's production 2)."""


def checked_junit(checked: Checked) -> str:
    """Return the document."""
    root = Element("testsuites", _counts(checked) | {"name": "dtsrun check"})
    about = {"name": _clean(checked.task), "timestamp": checked.at.replace(tzinfo=None).isoformat(timespec="seconds")}
    suite = SubElement(root, "testsuite", about | _counts(checked) | {"skipped": str(_number(checked, "skipped"))})
    properties = SubElement(suite, "properties")
    ties = {f"tied_to.{part}": value for part, value in checked.ties.items()}
    for name, value in {"spec": checked.spec_path, **ties}.items():
        SubElement(properties, "property", {"name": name, "value": _clean(value)})
    for result in checked.results:
        _add_case(suite, result)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _counts(checked: Checked) -> dict[str, str]:
    seconds = sum(result.seconds for result in checked.results)
    counts = {
        "tests": len(checked.results),
        "failures": _number(checked, "failure"),
        "errors": _number(checked, "error"),
    }
    return {**{name: str(number) for name, number in counts.items()}, "time": f"{seconds:.3f}"}


def _number(checked: Checked, element: str) -> int:
    return sum(_element_of(result) == element for result in checked.results)


def _element_of(result: CheckResult) -> str:
    """Return the element that says how a case ended; empty for one that is well."""
    if result.outcome is Outcome.FAILED:
        return "failure" if result.findings else "error"
    return {Outcome.UNDETERMINED: "error", Outcome.SKIPPED: "skipped"}.get(result.outcome, "")


def _add_case(suite: Element, result: CheckResult) -> None:
    family, _, _ = result.check.partition(".")
    about = {"classname": family, "name": f"{result.check}: {result.title}", "time": f"{result.seconds:.3f}"}
    case = SubElement(suite, "testcase", {name: _clean(value) for name, value in about.items()})
    element = _element_of(result)
    text = "\n\n".join(map(finding_text, result.findings))
    if element:
        ended = SubElement(case, element, {"message": _clean(_message(result))})
        if element != "skipped":
            ended.set("type", result.outcome.value)
            ended.text = _clean(text or result.reason)
    elif text or result.reason:
        SubElement(case, "system-out").text = _clean("\n\n".join(part for part in (result.reason, text) if part))


def _message(result: CheckResult) -> str:
    if result.reason or not result.findings:
        return result.reason
    first, *others = result.findings
    return f"{first.message} (and {len(others)} more)" if others else first.message


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
