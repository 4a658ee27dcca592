"""Prechecks are made in order, in parallel, and judged by the user's policy."""

import threading

import psycopg
import pytest

from dtsrun.api import Finding, MigrationType, Outcome, Precheck, Severity, SkipCheck, Undetermined
from dtsrun.engine.checks import alarms, blocking, run_checks
from dtsrun.engine.policy import Policy


def check(name, *, finds=(), error=None, **fields):
    def body(self, context):
        if error:
            raise error
        return [Finding(subject=subject, message="found") for subject in finds]

    return type("Made", (Precheck,), {"name": f"precheck.{name}", "title": name, "check": body, **fields})()


def outcome_of(*checks, policy=None, kind=MigrationType.FULL):
    results = run_checks(checks, Policy(policy or {}), kind, lambda c, options: options)
    return {result.check.removeprefix("precheck."): result for result in results}


def test_nothing_found_is_passed_and_something_found_is_failed():
    results = outcome_of(check("good"), check("bad", finds=["shop.t"]))
    assert results["good"].outcome is Outcome.PASSED
    assert results["bad"].outcome is Outcome.FAILED


def test_the_worst_come_first():
    results = outcome_of(check("a"), check("b", finds=["x"], severity=Severity.ALARM), check("c", finds=["x"]))
    assert list(results) == ["c", "b", "a"]
    assert [r.check for r in blocking(results.values())] == ["precheck.c"]
    assert [r.check for r in alarms(results.values())] == ["precheck.b"]


@pytest.mark.parametrize(("severity", "outcome"), [("alarm", "alarm"), ("fail", "failed"), ("off", "skipped")])
def test_the_policy_decides_on_severity(severity, outcome):
    policy = {"checks": {"precheck.a": {"severity": severity}}}
    assert outcome_of(check("a", finds=["x"]), policy=policy)["a"].outcome == outcome


def test_options_of_the_policy_reach_the_check():
    seen = {}
    body = type("C", (Precheck,), {"name": "precheck.a", "check": lambda self, context: seen.update(context) or ()})
    run_checks(
        [body()], Policy({"checks": {"precheck.a": {"options": {"ratio": 2}}}}), MigrationType.FULL, lambda c, o: o
    )
    assert seen == {"ratio": 2}


@pytest.mark.parametrize(("counts_as", "outcome"), [("fail", "failed"), ("alarm", "alarm"), ("off", "undetermined")])
def test_not_knowing_is_never_a_pass(counts_as, outcome):
    result = outcome_of(check("a", error=Undetermined("no right to look")), policy={"undetermined": counts_as})["a"]
    assert result.outcome == outcome
    assert "no right to look" in result.reason


def test_a_missing_privilege_is_said_as_such():
    result = outcome_of(check("a", error=psycopg.errors.InsufficientPrivilege("permission denied for table t")))["a"]
    assert result.outcome is Outcome.FAILED
    assert "lacks a privilege" in result.reason


def test_one_that_breaks_does_not_stop_the_others():
    results = outcome_of(check("a", error=psycopg.OperationalError("gone")), check("b"))
    assert results["a"].outcome is Outcome.FAILED
    assert results["b"].outcome is Outcome.PASSED


def test_a_skipped_check_says_why():
    result = outcome_of(check("a", error=SkipCheck("no roles are chosen")))["a"]
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "no roles are chosen")


def test_what_needs_a_check_that_failed_is_skipped():
    results = outcome_of(check("connect", finds=["target"]), check("b", requires=("precheck.connect",)))
    assert results["b"].outcome is Outcome.SKIPPED
    assert "precheck.connect" in results["b"].reason


def test_a_check_of_another_type_of_migration_is_skipped():
    only_full = check("a", finds=["x"], types=frozenset({MigrationType.FULL}))
    assert outcome_of(only_full, kind=MigrationType.STRUCTURAL)["a"].outcome is Outcome.SKIPPED


WAIVER = {"check": "precheck.a", "object": "public.events", "reason": "append only", "owner": "dba"}


def test_a_waived_finding_does_not_count_but_is_shown_with_its_reason():
    result = outcome_of(check("a", finds=["shop.public.events"]), policy={"waivers": [WAIVER]})["a"]
    assert result.outcome is Outcome.PASSED
    assert "append only, dba" in result.findings[0].message


def test_a_waiver_covers_its_object_alone():
    result = outcome_of(check("a", finds=["shop.public.orders"]), policy={"waivers": [WAIVER]})["a"]
    assert result.outcome is Outcome.FAILED


def test_a_waiver_past_its_date_no_longer_counts_and_says_so():
    policy = {"waivers": [{**WAIVER, "until": "2020-01-31"}]}
    result = outcome_of(check("a", finds=["shop.public.events"]), policy=policy)["a"]
    assert result.outcome is Outcome.FAILED
    assert "its waiver ended on 2020-01-31" in result.findings[0].message


def test_a_bug_in_a_check_is_not_a_pass_and_names_the_distribution_to_blame():
    broken, good = check("a", error=ZeroDivisionError("division by zero")), check("b")
    results = run_checks(
        [broken, good], Policy({}), MigrationType.FULL, lambda c, o: o, origin_of=lambda name: "acme-checks 1.0"
    )
    assert [result.outcome for result in results] == [Outcome.FAILED, Outcome.PASSED]
    assert "a bug in precheck.a of acme-checks 1.0: ZeroDivisionError: division by zero (" in results[0].reason


def test_a_check_that_yields_no_findings_but_something_else_is_a_bug():
    body = type("C", (Precheck,), {"name": "precheck.a", "check": lambda self, context: ["not a finding"]})
    [result] = run_checks([body()], Policy({}), MigrationType.FULL, lambda c, o: o)
    assert "a bug in precheck.a: " in result.reason


def test_a_slow_check_holds_up_only_what_waits_for_it():
    """The second link of a chain must not wait for a check that it has nothing to do with."""
    released = threading.Event()

    def waits(self, context):
        assert released.wait(20)
        return ()

    def releases(self, context):
        released.set()
        return ()

    slow = type("Slow", (Precheck,), {"name": "precheck.slow", "check": waits})()
    last = type("Last", (Precheck,), {"name": "precheck.last", "check": releases, "requires": ("precheck.first",)})()
    results = outcome_of(slow, check("first"), last)
    assert {result.outcome for result in results.values()} == {Outcome.PASSED}
