"""What can go wrong, and the exit code of each.

    DtsrunError                 70  something we did not foresee
    ├── SpecError                2  the spec, or a file that it names, is not right
    ├── PluginError              3  a plugin is missing, broken, doubled, or in a cycle
    ├── AccessError              4  a server cannot be reached, or does not let us in
    │   └── UnreachableError     4  it cannot be reached now; time may heal it
    ├── MigrationError           5  the work itself failed
    │   ├── TaskBusyError        5  another runner works at this task
    │   └── CalledOff            5  completion cannot go on now; changes are followed on
    ├── BlockingFindings         6  prechecks found what must be mended first
    ├── DifferencesFound         7  both ends are not equal
    └── Interrupted            130  the user stopped us (a signal, not a fault)

A message is one sentence, lower case, without a final stop; it names the side and the object and never a
secret. `where` is a place (a file and line, an endpoint), `hint` is the remedy. Every error can be pickled,
since steps may run in other processes.
"""

from __future__ import annotations

from typing import ClassVar


class DtsrunError(Exception):
    """The root; `exit_code` is what the command returns."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.where, self.hint))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}"


class SpecError(DtsrunError):
    """The spec is not right; `where` is file:line:column."""

    exit_code = 2


class PluginError(DtsrunError):
    """A plugin is missing, broken, doubled or in a cycle; the message names its distribution."""

    exit_code = 3


class AccessError(DtsrunError):
    """A server cannot be reached or does not let us in; the message names the side."""

    exit_code = 4


class UnreachableError(AccessError):
    """A server cannot be reached now: nobody answers, or not yet. Time may heal it, unlike a refused login."""


class MigrationError(DtsrunError):
    """The work failed; the message names the step or the object."""

    exit_code = 5


class TaskBusyError(MigrationError):
    """Another runner works at this task; the message names it."""


class CalledOff(MigrationError):
    """Completion cannot go on now: the fence was put back, and changes are followed on."""


class BlockingFindings(DtsrunError):
    """Prechecks found what must be mended first."""

    exit_code = 6


class DifferencesFound(DtsrunError):
    """Both ends were compared and are not equal."""

    exit_code = 7


class Interrupted(DtsrunError):
    """The user stopped the work; what was finished stays finished."""

    exit_code = 130


def _rebuild(kind: type[DtsrunError], message: str, where: str | None, hint: str | None) -> DtsrunError:
    return kind(message, where=where, hint=hint)
