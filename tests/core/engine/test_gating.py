"""Gates keep a cutover shut by severity; what drifted and is not mended is among them."""

from pathlib import Path

import pytest

from dtsrun.api import CheckResult, Finding, Outcome, Severity
from dtsrun.engine.gating import drift_findings, gate_texts, open_steps, pass_gates
from dtsrun.engine.policy import Policy
from dtsrun.errors import CalledOff
from dtsrun.journal import Journal
from dtsrun.watch.drift import Action, Drift, Repair


def result(name: str, outcome: Outcome, *messages: str, severity: Severity | None = None) -> CheckResult:
    findings = tuple(Finding(subject=text, message=text, severity=severity) for text in messages)
    return CheckResult(check=name, title=name, side="both", outcome=outcome, findings=findings)


PASSED = result("gate.lag", Outcome.PASSED)
ALARM = result("gate.residual_sessions", Outcome.ALARM, "1 session of app", severity=Severity.ALARM)
FAILED = result("gate.indexes_valid", Outcome.FAILED, "index a is missing", severity=Severity.FAIL)
MISSING = result("gate.copy_complete", Outcome.FAILED, "not done: copy a", severity=Severity.FAIL)


def passing(*results: CheckResult, force: bool = False, **policy: str) -> list[str]:
    said: list[str] = []
    pass_gates(results, Policy(policy), lambda kind, text: said.append(f"{kind}: {text}"), force=force)
    return said


def test_what_passed_is_not_spoken_of_and_an_alarm_is_said_and_passed() -> None:
    assert passing(PASSED, ALARM) == ["gate: alarm gate.residual_sessions: 1 session of app"]


def test_where_the_policy_says_so_an_alarm_keeps_it_shut() -> None:
    with pytest.raises(CalledOff, match="1 session of app"):
        passing(PASSED, ALARM, alarms="fail")


def test_a_failed_gate_keeps_it_shut_unless_it_is_overruled() -> None:
    with pytest.raises(CalledOff, match="index a is missing") as called_off:
        passing(FAILED)
    assert "--force" in (called_off.value.hint or "")
    assert passing(FAILED, force=True) == ["gate: failed gate.indexes_valid: index a is missing"]


def test_what_was_never_copied_cannot_be_overruled() -> None:
    with pytest.raises(CalledOff, match="not done: copy a") as called_off:
        passing(FAILED, MISSING, force=True)
    assert "--force" not in (called_off.value.hint or "")


def test_a_gate_that_could_not_know_says_why() -> None:
    doubt = CheckResult(
        check="gate.lag", title="", side="both", outcome=Outcome.FAILED, reason="could not be determined"
    )
    assert gate_texts(doubt) == ["failed gate.lag: could not be determined"]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal.open(tmp_path)
    journal.begin_task("move", spec_path=tmp_path, digest="", migration_type="full_incremental", runner="here")
    return journal


def test_drifts_that_are_not_mended_are_found_with_their_repair(journal: Journal) -> None:
    repair = Repair(action=Action.APPLY_SQL, object="table public.orders", sql=("alter table public.orders ...",))
    ddl = Drift(kind="ddl", database="shop", object="table public.orders", message="a column was added", repair=repair)
    role = Drift(kind="role", database=None, object="role app", message="role app is new")
    large = Drift(kind="large object", database="shop", object="large object 7", message="large object 7 is new")
    for drift in (ddl, ddl, role, large):
        journal.event("move", "drift", drift.message, data=drift.as_data())
    first = journal.events("move")[0].id
    journal.event("move", "repaired", "table public.orders is mended", data={"drift": first})
    found = drift_findings(journal, "move")
    assert [(each.subject, each.severity) for each in found] == [
        ("shop.table public.orders", None),
        ("role app", Severity.ALARM),
        ("shop.large object 7", Severity.OFF),
    ]
    assert found[0].fix is not None
    assert found[0].fix.sql == repair.sql
    assert f"dtsrun repair move` mends it (number {first + 1})" in found[0].fix.text


def test_a_task_without_steps_has_none_open(journal: Journal) -> None:
    assert open_steps(journal, "move") == []
