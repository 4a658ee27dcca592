"""The prechecks of a run: chosen, made, judged, and remembered with what they are tied to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dtsrun.api import Check, CheckResult, Precheck, Spec
from dtsrun.engine.checking import Checking
from dtsrun.engine.checks import alarms, blocking, run_checks
from dtsrun.engine.ends import SIDES, Ends
from dtsrun.engine.face import Confirm, Listener, RunOptions
from dtsrun.engine.policy import Policy, Ties, policy_digest
from dtsrun.engine.prepare import Preparation
from dtsrun.engine.sql_checks import sql_checks
from dtsrun.errors import BlockingFindings, DtsrunError
from dtsrun.inventory import matches
from dtsrun.journal import Journal, TaskRecord
from dtsrun.registry import Registry


def save_checks(journal: Journal, task: str, results: Sequence[CheckResult], ties: Ties | None) -> None:
    """Remember what came of the checks, when, and what they are tied to."""
    journal.save_checks(task, results)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    journal.set_summary(task, checked={"at": made_at, **(ties.as_data() if ties else {})})


def make_checks(preparation: Preparation, options: RunOptions, listener: Listener) -> list[CheckResult]:
    """Make the prechecks that the options and the policy leave."""
    spec = preparation.ends.spec
    registry = preparation.ends.registry
    chosen = [c for c in all_checks(spec, registry) if is_chosen(c, options)]
    origins = {**registry.origins, **{check.name: "the policy" for check in sql_checks(spec.policy)}}
    checking = Checking(preparation)
    listener.on_message(f"checking both ends: {len(chosen)} checks")
    try:
        return run_checks(
            chosen, Policy.of(spec), spec.migration_type, checking.context, origin_of=lambda name: origins.get(name, "")
        )
    finally:
        checking.close()


def all_checks(spec: Spec, registry: Registry) -> Sequence[Precheck]:
    """Return the checks of all plugins, and those that the policy holds as queries."""
    return (*registry.prechecks, *sql_checks(spec.policy))


def verdict(spec: Spec, results: Sequence[CheckResult], confirm: Confirm) -> DtsrunError | None:
    """Return why the results stop the task, None where they do not."""
    found = blocking(results)
    if found:
        return _blocking_error(found)
    alarmed = alarms(results)
    mode = Policy.of(spec).alarms
    if not alarmed or mode == "continue":
        return None
    if mode == "confirm" and confirm(alarmed):
        return None
    names = ", ".join(result.check for result in alarmed)
    return BlockingFindings(f"alarms were not accepted: {names}", hint="accept them with --yes, or by the policy")


def describe(ends: Ends) -> Mapping[str, Any]:
    """Return the ends as the report knows them."""
    return {s: {"description": ends.routes[s].description, "version": ends.facts[s].release} for s in SIDES}


def _blocking_error(found: Sequence[CheckResult]) -> BlockingFindings:
    names = ", ".join(result.check for result in found)
    return BlockingFindings(f"{len(found)} of the prechecks failed: {names}", hint="mend them, and check again")


def is_chosen(check: Check[Any], options: RunOptions) -> bool:
    """Tell whether the options of the command line leave a check in."""
    names = (check.name, check.short_name)
    wanted = not options.only or any(matches(pattern, name) for pattern in options.only for name in names)
    return wanted and not any(matches(pattern, name) for pattern in options.skip for name in names)


def changed_since(known: TaskRecord | None, ties: Ties) -> str:
    """Say what is other since the checks that the journal remembers; empty where nothing is, or none are remembered."""
    earlier = _remembered(known)
    changed = ties.changes(earlier) if earlier else ()
    return f"since the checks of {earlier['at']} other: {', '.join(changed)}" if changed else ""


def other_policy(known: TaskRecord | None, spec: Spec) -> str:
    """Say, where work goes on, that its checks were made under another policy; they are not made again."""
    earlier = _remembered(known)
    if not earlier or earlier.get("policy") == policy_digest(spec):
        return ""
    return f"the policy has changed since the checks of {earlier['at']}; they are not repeated"


def _remembered(known: TaskRecord | None) -> Mapping[str, Any]:
    checked: Mapping[str, Any] | None = known.summary.get("checked") if known else None
    return checked or {}
