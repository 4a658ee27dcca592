"""What prechecks found, as text: worst first, each with what was seen, what was expected and how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from dtsrun.api import CheckResult, Finding, Fix, Outcome
from dtsrun.report.columns import paragraph
from dtsrun.report.figures import plural

WORDS = {
    Outcome.FAILED: "FAILED",
    Outcome.UNDETERMINED: "UNDETERMINED",
    Outcome.ALARM: "ALARM",
    Outcome.SKIPPED: "skipped",
    Outcome.PASSED: "passed",
}
"""What needs the reader's eye is in capitals."""
WORST_FIRST = tuple(reversed(Outcome))
MOST_FINDINGS = 20
"""Findings of one check that the terminal shows; JSON and the page show all."""


def worst_first(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return checks with those that block first; equal ones keep their order."""
    return tuple(sorted(results, key=lambda result: WORST_FIRST.index(result.outcome)))


def findings_text(results: Iterable[CheckResult], *, passed: bool = True) -> list[str]:
    """Return lines on every check; `passed=False` leaves out those with nothing to do, and counts them."""
    ordered = worst_first(results)
    lines: list[str] = []
    for alike in _told_together(result for result in ordered if passed or not is_quiet(result)):
        lines += _skipped_lines(alike) if len(alike) > 1 else _result_lines(alike[0])
    return [*lines, f"  {count_outcomes(ordered)}"] if ordered else []


def render_checks(results: Iterable[CheckResult], *, passed: bool = True) -> str:
    """Return checks as text, worst first, with the counts as the last line; see `findings_text`."""
    return "\n".join(findings_text(results, passed=passed))


def count_outcomes(results: Iterable[CheckResult]) -> str:
    """Return `2 failed, 1 alarm, 6 passed`, worst first."""
    counts = Counter(result.outcome for result in results)
    known = ((outcome, counts[outcome]) for outcome in WORDS if counts[outcome])
    return ", ".join(_counted(outcome, count) for outcome, count in known) or "nothing was checked"


def _counted(outcome: Outcome, count: int) -> str:
    """Return `1 alarm`, `2 alarms`, `2 failed`: one of the words is a noun."""
    return plural(count, "alarm") if outcome is Outcome.ALARM else f"{count} {outcome.value}"


def fix_effect(fix: Fix) -> str:
    """Return where and when a fix works: `on the source, after a restart`; empty where neither needs saying."""
    place = f"on the {fix.side}" if fix.side else ""
    when = "" if fix.takes_effect == "at once" else f"takes effect after a {fix.takes_effect}"
    return ", ".join(part for part in (place, when) if part)


def is_quiet(result: CheckResult) -> bool:
    """Tell whether there is nothing to say of a check beside that it was made."""
    return result.outcome in (Outcome.PASSED, Outcome.SKIPPED) and not result.findings


def _told_together(results: Iterable[CheckResult]) -> Iterable[Sequence[CheckResult]]:
    """Return the results in their order; those that were skipped for the same reason are told in one line."""
    groups: dict[str, list[CheckResult]] = {}
    for result in results:
        is_alike = result.outcome is Outcome.SKIPPED and is_quiet(result)
        groups.setdefault(f"skipped: {result.reason}" if is_alike else result.check, []).append(result)
    return groups.values()


def _skipped_lines(results: Sequence[CheckResult]) -> list[str]:
    head = f"  {WORDS[Outcome.SKIPPED]:<12}  {plural(len(results), 'check')}: {results[0].reason}"
    return [head, *paragraph(", ".join(result.check for result in results), indent=4)]


def _result_lines(result: CheckResult) -> list[str]:
    head = f"  {WORDS[result.outcome]:<12}  {result.title or result.check}"
    lines = [f"{head}  ({result.check})"]
    if result.reason:
        lines += paragraph(result.reason, indent=4)
    for finding in result.findings[:MOST_FINDINGS]:
        lines += _finding_lines(finding)
    hidden = len(result.findings) - MOST_FINDINGS
    if hidden > 0:
        lines.append(f"    and {plural(hidden, 'finding')} more")
    return lines


def _finding_lines(finding: Finding) -> list[str]:
    lines = paragraph(f"{finding.subject}: {finding.message}", indent=4)
    for label, text in (("observed  ", finding.observed), ("expected  ", finding.expected)):
        if text:
            lines += paragraph(text, indent=6, label=label)
    return lines + (_fix_lines(finding.fix) if finding.fix else [])


def _fix_lines(fix: Fix) -> list[str]:
    effect = fix_effect(fix)
    text = f"{fix.text} ({effect})" if effect else fix.text
    return [*paragraph(text, indent=6, label="fix       "), *_statements(fix.sql)]


def _statements(statements: Sequence[str]) -> list[str]:
    """Return SQL as it is to be pasted: never wrapped, each statement with its semicolon."""
    return [
        f"          {line}" for statement in statements for line in f"{statement.rstrip().rstrip(';')};".splitlines()
    ]
