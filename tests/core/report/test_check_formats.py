"""What checks found, in the formats of build servers and code hosts: each is what its readers are strict about."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest

from dtsrun.api import CheckResult, Finding, Fix, Outcome, Severity
from dtsrun.report.check_html import checked_html
from dtsrun.report.checked import Checked, checked_json
from dtsrun.report.junit import checked_junit
from dtsrun.report.sarif import checked_sarif

ODD = 'a "name" with <tags> & \x00\x1b[31m\ud800 ]]> \n -- and more \N{SNOWMAN}'
"""What an object may be called, and what no format may break on."""


def result(outcome: Outcome, *findings: Finding, reason: str = "", number: int = 0) -> CheckResult:
    return CheckResult(
        check=f"precheck.{outcome.value}{number or ''}",
        title=f"{outcome.value} is right",
        side="source",
        outcome=outcome,
        findings=findings,
        reason=reason,
        seconds=0.25,
    )


FIX = Fix(text="grant it", sql=("grant select on t to migrator",), side="source")
FAILED = Finding(subject="shop.t", message="not readable", observed="none", fix=FIX, severity=Severity.FAIL)
ALARM = Finding(subject=ODD, message=ODD, observed=ODD, expected=ODD, severity=Severity.ALARM)
WAIVED = Finding(
    subject="shop.u", message="no key (waived: old, dba)", severity=Severity.OFF, evidence={"waiver": "old, dba"}
)


@pytest.fixture
def checked() -> Checked:
    """One check of each outcome, and one that could not know and blocks."""
    return Checked(
        task="shop",
        spec_path="specs/my shop#1.yaml",
        at=datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC),
        results=[
            result(Outcome.FAILED, FAILED, WAIVED),
            result(Outcome.FAILED, reason="could not be determined: no right to look", number=2),
            result(Outcome.UNDETERMINED, reason="could not be determined: gone"),
            result(Outcome.ALARM, ALARM),
            result(Outcome.SKIPPED, reason="does not concern a full migration"),
            result(Outcome.PASSED),
        ],
        ties={"spec": "s1", "policy": "p1", "inventory": "i1", "digest": "d1"},
        exit_code=6,
    )


# -- JUnit -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def suite(checked: Checked) -> ElementTree.Element:
    root = ElementTree.fromstring(checked_junit(checked).encode("utf-8"))
    [suite] = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    return suite


def test_junit_counts_what_it_holds(suite: ElementTree.Element) -> None:
    cases = suite.findall("testcase")
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{element}"))
    assert int(suite.attrib["tests"]) == len(cases) == 6
    assert float(suite.attrib["time"]) == sum(float(case.attrib["time"]) for case in cases) == 1.5
    assert suite.attrib["timestamp"] == "2026-11-23T04:05:06"


def test_junit_tells_found_from_not_known_and_lets_alarms_pass(suite: ElementTree.Element) -> None:
    ended = {case.attrib["name"].partition(":")[0]: [part.tag for part in case] for case in suite.findall("testcase")}
    assert ended == {
        "precheck.failed": ["failure"],
        "precheck.failed2": ["error"],
        "precheck.undetermined": ["error"],
        "precheck.alarm": ["system-out"],
        "precheck.skipped": ["skipped"],
        "precheck.passed": [],
    }


def test_junit_has_the_findings_with_their_fixes(suite: ElementTree.Element) -> None:
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.text
    assert failure.attrib["message"] == "not readable (and 1 more)"
    assert "grant select on t to migrator;" in failure.text


def test_junit_names_what_the_results_are_tied_to(suite: ElementTree.Element) -> None:
    named = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert named["tied_to.digest"] == "d1"
    assert named["spec"] == "specs/my shop#1.yaml"


def test_characters_that_xml_does_not_know_are_replaced_and_others_kept(suite: ElementTree.Element) -> None:
    [said] = suite.findall("testcase/system-out")
    assert said.text and "\N{SNOWMAN}" in said.text and "<tags> &" in said.text
    assert not re.search("[\x00\x1b\ud800]", said.text)


def test_junit_of_nothing_is_a_document(checked: Checked) -> None:
    root = ElementTree.fromstring(checked_junit(replace(checked, results=[])))
    assert root.attrib["tests"] == "0"


# -- SARIF -----------------------------------------------------------------------------------------------------------

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
COUNT = {"type": "integer", "minimum": 0}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId", "ruleIndex", "level", "kind", "locations"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": COUNT,
        "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "physicalLocation": {
                        "type": "object",
                        "required": ["artifactLocation"],
                        "properties": {"region": {"properties": {"startLine": {"type": "integer", "minimum": 1}}}},
                    },
                    "logicalLocations": {"type": "array", "uniqueItems": True},
                },
            },
        },
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "suppressions": {
            "type": "array",
            "items": {
                "required": ["kind"],
                "properties": {
                    "kind": {"enum": ["inSource", "external"]},
                    "status": {"enum": ["accepted", "underReview", "rejected"]},
                    "justification": {"type": "string"},
                },
                "additionalProperties": False,
            },
        },
        "properties": {"type": "object"},
    },
    # Section 3.27.10: only a result of the kind `fail` has a level other than `none`.
    "if": {"properties": {"kind": {"const": "fail"}}},
    "else": {"properties": {"level": {"const": "none"}}},
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {
                                    "semanticVersion": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {"required": ["id"], "properties": {"shortDescription": TEXT}},
                                    },
                                },
                            }
                        },
                    },
                    "automationDetails": {"type": "object", "properties": {"id": {"type": "string"}}},
                    "invocations": {
                        "type": "array",
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "exitCode": {"type": "integer"},
                                "endTimeUtc": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                            },
                        },
                    },
                    "properties": {"type": "object"},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
"""What SARIF 2.1.0 asks of the parts that we use."""


@pytest.fixture
def run(checked: Checked) -> Any:
    document = json.loads(checked_sarif(checked))
    jsonschema.Draft202012Validator(SARIF).validate(document)
    [run] = document["runs"]
    return run


def test_every_sarif_result_points_at_its_rule(run: Any) -> None:
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules)) == 6
    assert all(rules[found["ruleIndex"]] == found["ruleId"] for found in run["results"])


def test_sarif_levels_say_what_blocks(run: Any) -> None:
    said = [(found["ruleId"], found["kind"], found["level"]) for found in run["results"]]
    assert said == [
        ("precheck.failed", "fail", "error"),
        ("precheck.failed", "fail", "note"),
        ("precheck.failed2", "fail", "error"),
        ("precheck.undetermined", "fail", "warning"),
        ("precheck.alarm", "fail", "warning"),
        ("precheck.skipped", "notApplicable", "none"),
        ("precheck.passed", "pass", "none"),
    ]


def test_a_waived_finding_is_suppressed_with_its_reason(run: Any) -> None:
    [suppressed] = [found for found in run["results"] if "suppressions" in found]
    assert suppressed["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "old, dba"}]


def test_sarif_locations_are_uris(run: Any) -> None:
    uris = {found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for found in run["results"]}
    assert uris == {"specs/my%20shop%231.yaml"}


def test_an_absolute_path_is_a_file_uri(checked: Checked) -> None:
    document = json.loads(checked_sarif(replace(checked, spec_path="/srv/my shop.yaml")))
    place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert urlsplit(place["artifactLocation"]["uri"]) == urlsplit("file:///srv/my%20shop.yaml")


def test_the_same_finding_has_the_same_fingerprint_tomorrow(checked: Checked, run: Any) -> None:
    other = replace(FAILED, message="still not readable", observed="nothing")
    later = json.loads(checked_sarif(replace(checked, results=[result(Outcome.FAILED, other)])))
    fingerprints = [found["partialFingerprints"] for found in (run["results"][0], later["runs"][0]["results"][0])]
    assert fingerprints[0] == fingerprints[1] != run["results"][1]["partialFingerprints"]


# -- JSON and HTML ---------------------------------------------------------------------------------------------------


def test_json_has_every_result_and_what_they_are_tied_to(checked: Checked) -> None:
    document = json.loads(checked_json(replace(checked, results=checked.results[:3])))
    assert (document["dtsrun_checks"], document["task"], document["exit_code"]) == (1, "shop", 6)
    assert document["tied_to"]["digest"] == "d1"
    assert [each["outcome"] for each in document["results"]] == ["failed", "failed", "undetermined"]
    assert document["results"][0]["findings"][0]["fix"]["sql"] == ["grant select on t to migrator"]


class Reader(HTMLParser):
    """Reads a page and complains of what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {"src", "href", "onclick", "onload"} & {name for name, _ in attrs}, tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_runs_nothing(checked: Checked) -> None:
    reader = Reader()
    reader.feed(checked_html(checked))
    assert reader.tags[:2] == ["html", "head"]
    assert not {"script", "link", "img", "iframe", "tags"} & set(reader.tags)
    assert "@import" not in reader.text and "url(" not in reader.text


def test_the_page_shows_the_worst_first_with_its_fix(checked: Checked) -> None:
    page = checked_html(checked)
    assert page.index("failed is right") < page.index("alarm is right") < page.index("passed is right")
    assert "grant select on t to migrator;" in page
    assert "blocked" in page and "d1" in page


@pytest.mark.parametrize(("code", "words"), [(0, "nothing blocks"), (6, "blocked")])
def test_the_page_says_whether_anything_blocks(checked: Checked, code: int, words: str) -> None:
    assert f">{words}<" in checked_html(replace(checked, exit_code=code))
