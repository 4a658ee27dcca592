"""The policy weighs findings, waives some for a time, and says who said what."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dtsrun.api import CheckResult, Finding, Inventory, Outcome, Precheck, ServerFacts, Severity, Spec
from dtsrun.engine.checks import run_checks
from dtsrun.engine.policy import WAIVERS, Policy, ties_of, waivers_result
from dtsrun.testing.fakes import make_spec

WAIVER = {"check": "precheck.keys", "object": "public.events", "reason": "append only", "owner": "dba"}
ENDED = {**WAIVER, "until": "2020-01-31"}
LASTING = {**WAIVER, "until": "2999-01-31"}


@pytest.fixture
def checked() -> Callable[..., dict[str, CheckResult]]:
    """Make a check that finds subjects, under waivers."""

    def make(subjects: list[str], *waivers: Any, severity: str = "fail") -> dict[str, CheckResult]:
        body = {"name": "precheck.keys", "severity": Severity(severity)}
        body["check"] = lambda self, context: [Finding(subject=each, message="no key") for each in subjects]
        keys = type("Keys", (Precheck,), body)()
        spec = make_spec({})
        policy = Policy({"waivers": waivers}, {"/waivers/0": "own.yaml:3"})
        results = run_checks([keys], policy, spec.migration_type, lambda check, options: options)
        return {result.check: result for result in results}

    return make


@pytest.mark.parametrize(
    ("pattern", "subject", "is_covered"),
    [
        ("public.events", "shop.public.events", True),
        ("shop.public.events", "shop.public.events", True),
        ("public.ev*", "shop.public.events", True),
        ("public.event?", "shop.public.events", True),
        ("*", "target", True),
        ("public.events", "shop.public.events_old", False),
        ("events", "shop.public.old events", False),
        # As in specs, brackets are letters like any other: in a shell's patterns they are not.
        ("public.a[1]", "shop.public.a[1]", True),
        ("public.[ae]vents", "shop.public.events", False),
    ],
)
def test_a_waivers_object_is_a_pattern_as_in_specs(checked: Any, pattern: str, subject: str, is_covered: bool) -> None:
    result = checked([subject], {**LASTING, "object": pattern})["precheck.keys"]
    assert (result.outcome is Outcome.PASSED) is is_covered


def test_a_waived_finding_keeps_its_reason_for_whoever_renders_it(checked: Any) -> None:
    [finding] = checked(["shop.public.events"], LASTING)["precheck.keys"].findings
    assert finding.severity is Severity.OFF
    assert finding.evidence == {"waiver": "append only, dba", "waived_until": "2999-01-31"}


def test_a_waiver_that_has_ended_no_longer_counts_and_is_an_alarm_of_its_own(checked: Any) -> None:
    results = checked(["shop.public.events"], ENDED)
    assert results["precheck.keys"].outcome is Outcome.FAILED
    assert "its waiver ended on 2020-01-31" in results["precheck.keys"].findings[0].message
    assert results[WAIVERS].outcome is Outcome.ALARM
    assert results[WAIVERS].findings[0].fix.text.endswith("at own.yaml:3")


def test_one_that_counts_goes_before_one_that_has_ended(checked: Any) -> None:
    assert checked(["shop.public.events"], ENDED, LASTING)["precheck.keys"].outcome is Outcome.PASSED


def test_a_waiver_that_covers_nothing_is_noted_but_does_not_block(checked: Any) -> None:
    noted = checked([], LASTING)[WAIVERS]
    assert noted.outcome is Outcome.PASSED
    assert noted.findings[0].message == "nothing was found that this waiver covers"


def test_waivers_in_use_leave_nothing_to_say(checked: Any) -> None:
    assert checked(["shop.public.events"], LASTING)[WAIVERS].findings == ()


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.UNDETERMINED])
def test_waivers_of_a_check_that_was_not_made_are_not_judged(outcome: Outcome) -> None:
    result = CheckResult(check="precheck.keys", title="", side="both", outcome=outcome)
    assert waivers_result(Policy({"waivers": [ENDED]}), [result]) is None


def test_the_last_day_of_a_waiver_counts(checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2027, 1, 31, 23, 59, tzinfo=UTC)

    monkeypatch.setattr("dtsrun.engine.policy.datetime", Clock)
    last_day, day_before = ({**WAIVER, "until": until} for until in ("2027-01-31", "2027-01-30"))
    assert checked(["shop.public.events"], last_day)["precheck.keys"].outcome is Outcome.PASSED
    assert checked(["shop.public.events"], day_before)["precheck.keys"].outcome is Outcome.FAILED


# -- What passed checks are tied to ----------------------------------------------------------------------------------

FACTS = ServerFacts(version=160014, version_text="16", current_user="u", is_superuser=True, bootstrap_role="p")
INVENTORY = Inventory(server=FACTS, databases={}, digest="i1")
SPEC = make_spec({"shop": "shop"}, digest="s1", policy={"alarms": "fail"})


@pytest.mark.parametrize(
    ("spec", "inventory", "changed"),
    [
        (SPEC, INVENTORY, []),
        (replace(SPEC, digest="s2"), INVENTORY, ["spec"]),
        (replace(SPEC, policy={"alarms": "continue"}), INVENTORY, ["policy"]),
        (SPEC, replace(INVENTORY, digest="i2"), ["inventory"]),
        (replace(SPEC, policy_places={"/alarms": "moved.yaml:9"}), INVENTORY, []),
    ],
    ids=["nothing", "spec", "policy", "inventory", "lines alone"],
)
def test_a_change_of_spec_policy_or_inventory_is_noticed(spec: Spec, inventory: Inventory, changed: list[str]) -> None:
    before, now = ties_of(SPEC, INVENTORY), ties_of(spec, inventory)
    assert now.changes(before.as_data()) == changed
    assert (now.digest == before.digest) is (not changed)


def test_without_an_inventory_the_ties_are_others() -> None:
    assert ties_of(SPEC, None).digest != ties_of(SPEC, INVENTORY).digest


def test_thousands_of_waivers_do_not_slow_down_thousands_of_findings(checked: Any) -> None:
    waivers = [{**LASTING, "object": f"public.t{number}"} for number in range(3000)]
    started = time.monotonic()
    results = checked([f"shop.public.t{number}" for number in range(3001)], *waivers)
    assert time.monotonic() - started < 3
    assert [f.subject for f in results["precheck.keys"].findings if f.severity is not Severity.OFF] == [
        "shop.public.t3000"
    ]
    assert results[WAIVERS].findings == ()
