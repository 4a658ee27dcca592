"""Findings are read from the worst down, each with its remedy ready to paste."""

from __future__ import annotations

from typing import Any

from dtsrun.api import CheckResult, Finding, Fix, Outcome
from dtsrun.report.build import build_report
from dtsrun.report.findings import MOST_FINDINGS, count_outcomes, findings_text, fix_effect, render_checks


def result(*findings: Finding, outcome: Outcome = Outcome.FAILED) -> CheckResult:
    return CheckResult(check="precheck.x", title="x is right", side="source", outcome=outcome, findings=findings)


def test_a_finding_shows_what_was_seen_expected_and_how_to_mend_it(troubled: Any) -> None:
    lines = findings_text(build_report(troubled.journal, troubled.name).findings)
    assert lines[:6] == [
        "  FAILED        all is readable  (precheck.read)",
        "    sales.orders: not readable",
        "      observed  no SELECT",
        "      expected  SELECT",
        "      fix       grant what is missing (on the source)",
        '          grant select on "s"."t" to migrator;',
    ]


def test_reasons_of_what_could_not_be_known_are_told(troubled: Any) -> None:
    lines = findings_text(build_report(troubled.journal, troubled.name).findings)
    where = lines.index("  UNDETERMINED  the target has room  (precheck.space)")
    assert lines[where + 1] == "    pg_monitor is not granted"


def test_the_last_line_counts_the_outcomes_worst_first(troubled: Any) -> None:
    text = render_checks(build_report(troubled.journal, troubled.name).findings)
    assert text.splitlines()[-1] == "  1 failed, 1 undetermined, 1 alarm, 1 skipped, 1 passed"


def test_what_passed_can_be_left_out_but_is_counted() -> None:
    lines = findings_text([result(outcome=Outcome.PASSED)], passed=False)
    assert lines == ["  1 passed"]


def test_nothing_checked_is_not_everything_passed() -> None:
    assert count_outcomes([]) == "nothing was checked"
    assert findings_text([]) == []


def test_alarms_are_counted_as_the_noun_that_they_are() -> None:
    checks = [result(outcome=outcome) for outcome in (Outcome.ALARM, Outcome.FAILED, Outcome.ALARM, Outcome.FAILED)]
    assert count_outcomes(checks) == "2 failed, 2 alarms"


def test_a_fix_is_pasted_as_it_is() -> None:
    statement = "create role a login;\n" + "-- " + "long " * 40
    lines = findings_text([result(Finding(subject="s", message="m", fix=Fix(text="do", sql=(statement, "select 1;"))))])
    assert "          -- " + "long " * 39 + "long;" in lines
    assert "          select 1;" in lines


def test_where_and_when_a_fix_works_is_said_only_where_it_matters() -> None:
    assert fix_effect(Fix(text="t")) == ""
    assert fix_effect(Fix(text="t", side="target")) == "on the target"
    assert fix_effect(Fix(text="t", takes_effect="restart")) == "takes effect after a restart"


def test_a_flood_of_findings_is_cut_and_counted() -> None:
    flood = [Finding(subject=f"t{i}", message="m") for i in range(MOST_FINDINGS + 5)]
    lines = findings_text([result(*flood)])
    assert "    and 5 findings more" in lines
    assert sum(line.endswith(": m") for line in lines) == MOST_FINDINGS
