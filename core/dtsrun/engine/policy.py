"""The user's own word on checks: what a finding means, what is accepted for a time, and what a passed check is tied to.

The document comes from `dtsrun.spec.policy`, with all that it extends.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Final

from dtsrun.api import Check, CheckResult, Finding, Fix, Inventory, Outcome, Severity, Spec
from dtsrun.inventory import matches

WAIVERS: Final = "policy.waivers"
"""Name of the result that speaks of waivers themselves."""

_JUDGED: Final = frozenset({Outcome.PASSED, Outcome.ALARM, Outcome.FAILED})
"""Outcomes of checks that were made to their end, perhaps: then a waiver that covers nothing is one too many."""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A finding that is known and accepted for a time."""

    check: str
    object: str
    reason: str
    owner: str
    until: date | None
    """The last day on which it counts."""
    place: str = ""
    """Where it is written: `policies/production.yaml:12`."""

    @property
    def has_ended(self) -> bool:
        """Whether its last day is over, by UTC."""
        return self.until is not None and self.until < datetime.now(UTC).date()

    @property
    def words(self) -> str:
        """Its reason, and who answers for it."""
        return f"{self.reason}, {self.owner}"

    def concerns(self, check: str) -> bool:
        """Tell whether it is about a check."""
        return matches(self.check, check)

    def covers(self, subject: str) -> bool:
        """Tell whether it covers a subject. Findings name the database first; a waiver may leave it out."""
        return any(matches(text, subject) for text in self._patterns)

    @property
    def is_pattern(self) -> bool:
        """Whether it may cover more than one object."""
        return "*" in self.object or "?" in self.object

    @cached_property
    def _patterns(self) -> tuple[str, str]:
        return (self.object, f"*.{self.object}")


@dataclass(frozen=True, slots=True)
class _Waivers:
    """The waivers of one check. Those of one object are looked up: there may be thousands, and as many findings."""

    named: Mapping[str, Sequence[Waiver]]
    patterns: Sequence[Waiver]

    @classmethod
    def of(cls, waivers: Iterable[Waiver]) -> _Waivers:
        named: dict[str, list[Waiver]] = {}
        patterns: list[Waiver] = []
        for waiver in waivers:
            (patterns if waiver.is_pattern else named.setdefault(waiver.object, [])).append(waiver)
        return cls(named, patterns)

    def covering(self, subject: str) -> Sequence[Waiver]:
        """Return those that cover a subject."""
        found = [waiver for waiver in self.patterns if waiver.covers(subject)]
        if self.named:
            found += [waiver for name in _ends_of(subject) for waiver in self.named.get(name, ())]
        return found


def _ends_of(subject: str) -> Iterator[str]:
    """Yield the subject, and what follows each of its dots: what a pattern `*.name` would be matched with."""
    yield subject
    yield from (subject[place + 1 :] for place, letter in enumerate(subject) if letter == ".")


@dataclass(frozen=True)
class Policy:
    """What the policy says, and where it is said."""

    document: Mapping[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)
    """File and line by JSON pointer into the document: `/checks/precheck.version/severity`."""

    @classmethod
    def of(cls, spec: Spec) -> Policy:
        """Return the policy of a spec."""
        return cls(spec.policy, spec.policy_places)

    def severity(self, check: Check[Any]) -> Severity | None:
        """Return the severity that the policy gives a check, None where it says nothing."""
        given = self._of(check).get("severity")
        return Severity(given) if given else None

    def options(self, check: Check[Any]) -> Mapping[str, Any]:
        """Return the options that the policy gives a check."""
        options: Mapping[str, Any] = self._of(check).get("options", {})
        return options

    @property
    def undetermined(self) -> Severity:
        """Return what a check that could not know counts as."""
        return Severity(self.document.get("undetermined", "fail"))

    @property
    def alarms(self) -> str:
        """Return what to do about alarms: continue | confirm | fail."""
        return str(self.document.get("alarms", "confirm"))

    @cached_property
    def waivers(self) -> Sequence[Waiver]:
        """Return all waivers, in the order in which they are written."""
        written = self.document.get("waivers", ())
        return [_waiver(data, self.places.get(f"/waivers/{number}", "")) for number, data in enumerate(written)]

    def waiver(self, check: str, subject: str) -> Waiver | None:
        """Return the waiver that covers a finding: one that counts before one that has ended."""
        return min(self.covering(check, subject), key=lambda waiver: waiver.has_ended, default=None)

    def covering(self, check: str, subject: str) -> Sequence[Waiver]:
        """Return all waivers that cover a finding."""
        known = self._waivers_by_check.get(check)
        if known is None:
            known = self._waivers_by_check[check] = _Waivers.of(w for w in self.waivers if w.concerns(check))
        return known.covering(subject)

    @cached_property
    def _waivers_by_check(self) -> dict[str, _Waivers]:
        return {}

    def _of(self, check: Check[Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get("checks", {}).get(check.name, {})
        return found


def weigh(finding: Finding, check: Check[Any], policy: Policy) -> Finding:
    """Return a finding with the severity that it has by the policy and its waivers."""
    severity = policy.severity(check) or finding.severity or check.severity
    waiver = policy.waiver(check.name, finding.subject)
    if waiver is None:
        return replace(finding, severity=severity)
    if waiver.has_ended:
        said = f"{finding.message} (its waiver ended on {waiver.until}: {waiver.words})"
        return replace(finding, severity=severity, message=said)
    evidence = {**finding.evidence, "waiver": waiver.words, "waived_until": str(waiver.until or "")}
    said = f"{finding.message} (waived: {waiver.words})"
    return replace(finding, severity=Severity.OFF, message=said, evidence=evidence)


def waivers_result(policy: Policy, results: Iterable[CheckResult]) -> CheckResult | None:
    """Return what there is to say of the waivers themselves: an ended one is an alarm, an idle one a note.

    Waivers of checks that were not made are not judged; None where no waiver is.
    """
    made = {result.check: result for result in results if result.outcome in _JUDGED}
    judged = [w for w in policy.waivers if any(w.concerns(name) for name in made)]
    if not judged:
        return None
    used = _used(policy, made.values())
    findings = tuple(finding for waiver in judged for finding in _on_waiver(waiver, waiver in used))
    is_alarm = any(finding.severity is Severity.ALARM for finding in findings)
    return CheckResult(
        check=WAIVERS,
        title="Every waiver counts, and is needed",
        side="both",
        outcome=Outcome.ALARM if is_alarm else Outcome.PASSED,
        findings=findings,
    )


def _on_waiver(waiver: Waiver, is_used: bool) -> Iterator[Finding]:
    subject = f"{waiver.check} on {waiver.object}"
    evidence = {"place": waiver.place, "reason": waiver.reason, "owner": waiver.owner}
    if waiver.has_ended:
        yield Finding(
            subject=subject,
            message=f"the waiver ended on {waiver.until} and no longer counts ({waiver.words})",
            observed=f"ended on {waiver.until}",
            expected="a day to come",
            fix=Fix(text=f"mend what it waived and remove it, or give it another day{_at(waiver)}"),
            evidence=evidence,
            severity=Severity.ALARM,
        )
    elif not is_used:
        yield Finding(
            subject=subject,
            message="nothing was found that this waiver covers",
            fix=Fix(text=f"remove it{_at(waiver)}"),
            evidence=evidence,
            severity=Severity.OFF,
        )


def _at(waiver: Waiver) -> str:
    return f", at {waiver.place}" if waiver.place else ""


def _used(policy: Policy, results: Iterable[CheckResult]) -> set[Waiver]:
    waived = ((r.check, f.subject) for r in results for f in r.findings if f.severity is Severity.OFF)
    return {waiver for check, subject in waived for waiver in policy.covering(check, subject)}


def _waiver(data: Mapping[str, Any], place: str) -> Waiver:
    return Waiver(
        check=data["check"],
        object=data.get("object", "*"),
        reason=data.get("reason", "no reason given"),
        owner=data.get("owner", "nobody"),
        until=date.fromisoformat(str(data["until"])) if "until" in data else None,
        place=place,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Ties:
    """What the outcome of checks is tied to: a change of any of it asks for new ones."""

    spec: str
    policy: str
    inventory: str

    @property
    def digest(self) -> str:
        """SHA-256 over all of it."""
        return _sha256([self.spec, self.policy, self.inventory])

    def changes(self, earlier: Mapping[str, str]) -> list[str]:
        """Return what is not as it was: `policy`, `inventory`."""
        return [part for part in ("spec", "policy", "inventory") if earlier.get(part) != getattr(self, part)]

    def as_data(self) -> dict[str, str]:
        """Return it as it is remembered."""
        return {"spec": self.spec, "policy": self.policy, "inventory": self.inventory, "digest": self.digest}


def ties_of(spec: Spec, inventory: Inventory | None) -> Ties:
    """Return what checks of a spec are tied to; without an inventory where it could not be read."""
    return Ties(spec=spec.digest, policy=policy_digest(spec), inventory=inventory.digest if inventory else "")


def policy_digest(spec: Spec) -> str:
    """Return the SHA-256 of the policy with all that it extends and all defaults; places do not count."""
    return _sha256(spec.policy)


def _sha256(data: Any) -> str:
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
