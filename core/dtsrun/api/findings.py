"""What checks and comparisons say. A finding is neither an error nor a signal: it is the world not being ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from dtsrun.api.routes import Side


class Severity(StrEnum):
    """What a finding of a check means."""

    FAIL = "fail"
    """Blocks until it is mended."""
    ALARM = "alarm"
    """May go on at the user's word."""
    OFF = "off"
    """The check is not made."""


class Outcome(StrEnum):
    """What came of a check, best first."""

    PASSED = "passed"
    SKIPPED = "skipped"
    ALARM = "alarm"
    UNDETERMINED = "undetermined"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """How to mend a finding."""

    text: str
    sql: tuple[str, ...] = ()
    """Statements for *this* database, ready to be reviewed and run."""
    side: Side | None = None
    takes_effect: Literal["at once", "reload", "restart"] = "at once"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a check found."""

    subject: str
    """What it is about: `shop.public.orders`, `role app`, `source`."""
    message: str
    """One sentence without a final stop."""
    observed: str = ""
    expected: str = ""
    fix: Fix | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """Rows and the query that gave them; JSON values only."""
    severity: Severity | None = None
    """Only where this finding weighs less or more than its check does by default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """What came of one check."""

    check: str
    title: str
    side: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    """Why it was skipped or could not be determined."""
    seconds: float = 0.0


class SkipCheck(Exception):
    """Raised by a check that does not apply; the message says why."""


class Undetermined(Exception):
    """Raised by a check that cannot know (a missing privilege, say); the message says why. Never a pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Something that is not equal on both ends."""

    database: str | None
    object: str
    """`TABLE public.orders`, `role app`, `large object 16402`."""
    aspect: str
    """`missing`, `extra`, `definition`, `row count`, `row`, `sequence`, `grants`, ..."""
    source: str
    target: str
    key: str | None = None
    """The row's key, where there is one: `(id)=(42)`."""
    note: str | None = None
    """What may explain it, e.g. that the source was written to since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """An object that the cutover brought up to date, since followed changes do not carry it."""

    database: str | None
    object: str
    """`SEQUENCE public.invoice`."""
    message: str
    """What was done: `set to 1042`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """Something that was done otherwise than on the source, knowingly: said in the report, never silent."""

    database: str | None
    object: str
    message: str
