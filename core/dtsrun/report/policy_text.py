"""Who decided on each check: the check itself, or a line of a policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dtsrun.api import Check
from dtsrun.engine.policy import Policy, Waiver
from dtsrun.report.as_json import as_values
from dtsrun.report.columns import columns, section

ITSELF: Final = "the check itself"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One thing that was decided, and where."""

    subject: str
    """A check, an option of one (`precheck.target_space ratio`), or a rule of the whole policy."""
    value: str
    decided_by: str
    """`file:line`, or the check itself."""


def decisions(policy: Policy, checks: Sequence[Check[Any]]) -> list[Decision]:
    """Return what holds for each check: its severity, and the options that a policy sets."""
    return [decision for check in checks for decision in _of_check(policy, check)]


def rules(policy: Policy) -> list[Decision]:
    """Return what holds for all checks."""
    values = {"undetermined": policy.undetermined.value, "alarms": policy.alarms}
    return [Decision(subject=k, value=v, decided_by=policy.places.get(f"/{k}", "built in")) for k, v in values.items()]


def policy_text(policy: Policy, checks: Sequence[Check[Any]]) -> str:
    """Return all of it as text."""
    shown = [(each.subject, each.value, each.decided_by) for each in decisions(policy, checks)]
    general = [(each.subject, each.value, each.decided_by) for each in rules(policy)]
    waivers = [(w.check, w.object, _until(w), w.place, w.words) for w in policy.waivers]
    lines = [
        *columns(shown, headers=("check", "severity", "decided by"), indent=0),
        *section("All checks", columns(general)),
        *section("Waivers", columns(waivers)),
    ]
    return "\n".join(lines)


def policy_json(policy: Policy, checks: Sequence[Check[Any]]) -> str:
    """Return all of it as one JSON document."""
    values = {
        "dtsrun_policy_explained": 1,
        "checks": decisions(policy, checks),
        "rules": rules(policy),
        "waivers": [{**as_values(w), "until": str(w.until or ""), "has_ended": w.has_ended} for w in policy.waivers],
    }
    return json.dumps(as_values(values), indent=2, ensure_ascii=False)


def _of_check(policy: Policy, check: Check[Any]) -> Iterator[Decision]:
    severity = policy.severity(check)
    place = policy.places.get(f"/checks/{check.name}/severity") or _place_of_query(policy, check) or ITSELF
    yield Decision(subject=check.name, value=(severity or check.severity).value, decided_by=place)
    for name, value in policy.options(check).items():
        if said := policy.places.get(f"/checks/{check.name}/options/{name}"):
            yield Decision(subject=f"  {name}", value=_shown(value), decided_by=said)


def _place_of_query(policy: Policy, check: Check[Any]) -> str:
    queries = policy.document.get("sql_checks", ())
    names = [f"sql.{query['id']}" for query in queries]
    return policy.places.get(f"/sql_checks/{names.index(check.name)}", "") if check.name in names else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _until(waiver: Waiver) -> str:
    return f"ended on {waiver.until}" if waiver.has_ended else f"until {waiver.until}" if waiver.until else "for good"
