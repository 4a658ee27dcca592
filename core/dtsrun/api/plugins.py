"""What plugin authors write. Each family has one abstract class; a plugin is one subclass in one file.

The docstring of a plugin is its page. Its first line is its title in lists; then come the headings `What it does`,
`Why it matters`, `Spec`, `Needs`, `Example`, `Limits`, each on a line of its own, underlined with dashes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from dtsrun.api.contexts import AccessContext, CheckContext, GateContext, PlanContext
from dtsrun.api.findings import Finding, Severity
from dtsrun.api.instances import Instance, WantedInstance
from dtsrun.api.inventory import Database, Entry, Extension
from dtsrun.api.routes import Endpoint, Objection, ProbeResult, Route
from dtsrun.api.spec import MigrationType
from dtsrun.api.steps import Step

ALL_TYPES = frozenset(MigrationType)

_Context = TypeVar("_Context", contravariant=True)


class Plugin(ABC):
    """What all families share."""

    name: ClassVar[str]
    """`family.name`, e.g. `precheck.wal_level`. Families: access, inventory, secret, precheck, object, stage,
    engine, gate, throttle."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Plugins without which this one cannot work: they must be there, and come first."""
    after: ClassVar[tuple[str, ...]] = ()
    """Plugins that come first where they are there."""
    options: ClassVar[Mapping[str, Any]] = {}
    """JSON Schema of the plugin's options: `{"properties": {...}, "required": [...]}`; unknown keys are refused.
    `default` values are filled in."""

    @property
    def short_name(self) -> str:
        """The name without its family: what the spec says."""
        return self.name.partition(".")[2]


class AccessType(Plugin):
    """A way to reach a server: `source.access.type`. `options` are the keys beside `type`."""

    needs_region: ClassVar[bool] = False
    """Whether the endpoint must say its region."""

    @abstractmethod
    def open(self, endpoint: Endpoint, context: AccessContext) -> AbstractContextManager[Route]:
        """Open a route; it works until the context manager is left. Raises AccessError."""

    def probe(self, endpoint: Endpoint, context: AccessContext) -> Iterator[ProbeResult]:
        """Test the way to the server: open, TCP, login. Does not raise for what it finds."""
        from dtsrun.postgres.probe import probe_access

        return probe_access(self, endpoint, context)


@runtime_checkable
class Removable(Protocol):
    """What an access type can do that keeps something of its own on this machine, beside opening routes."""

    def remove(self, endpoint: Endpoint, context: AccessContext) -> None:
        """Remove what `open` left: servers, data. Nothing happens where there is nothing."""


@runtime_checkable
class Particular(Protocol):
    """What an access type can do that has rules which the schema of its options cannot say."""

    def objections(self, endpoint: Endpoint, other: Endpoint) -> Iterable[Objection]:
        """Yield what is wrong with an endpoint of this type, told from the spec alone; `other` is the other end."""


class InventoryProvider(Plugin):
    """What knows the addresses of instances: `access.inventory.type`. `options` are the keys beside `type`."""

    @abstractmethod
    def find(self, wanted: WantedInstance, options: Mapping[str, Any], context: AccessContext) -> Instance:
        """Return what is known of an instance. Raises AccessError, telling apart an instance that is not known, one
        of another region, and a lack of permission."""


class Secret(Plugin):
    """A kind of reference to a password: `password: {<short name>: <value>}`. `options` is the schema of the value."""

    @abstractmethod
    def resolve(self, value: Any, context: AccessContext) -> str:
        """Return the secret. Raises AccessError, never naming the secret."""


class Check(Plugin, Generic[_Context]):
    """What prechecks and gates share; a policy weighs what either finds."""

    title: ClassVar[str] = ""
    """What is right when it passes: `the target has room for the data`. Empty: the docstring's first line."""
    side: ClassVar[str] = "both"
    """source | target | both."""
    types: ClassVar[frozenset[MigrationType]] = ALL_TYPES
    severity: ClassVar[Severity] = Severity.FAIL

    @abstractmethod
    def check(self, context: _Context) -> Iterable[Finding]:
        """Yield what is wrong; nothing means passed. Raise SkipCheck or Undetermined where there is no answer."""


class Precheck(Check[CheckContext]):
    """One thing to know before anything moves."""


class Gate(Check[GateContext]):
    """One thing that has to be right before the cutover of a source in use."""

    types: ClassVar[frozenset[MigrationType]] = frozenset({MigrationType.FULL_INCREMENTAL})


class ObjectKind(Plugin):
    """A kind of object. Its `do_<action>(self, context: StepContext) -> StepResult` methods are its actions."""

    entry_types: ClassVar[tuple[str, ...]] = ()
    """pg_dump's entry types that it claims; each type belongs to one kind."""
    selector: ClassVar[str | None] = None
    """The word in `include` and `exclude`, e.g. `table`; None: comes with the object it belongs to."""

    has_data: ClassVar[bool] = False
    """Whether its steps of the stages `indexes` and `verify` are about rows or values: a structural task has none."""

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return the SQL that creates an entry on the target, in order; empty where nothing is to be done.

        Ownership, tablespace and access method are set by the core around these statements.
        """
        return [entry.sql] if entry.sql.strip() else []

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return the steps that this kind adds to a stage (`structure`, `full`, `indexes`, `verify`, `complete`)
        beside the restoring of its entries."""
        return ()


@runtime_checkable
class TellsBinaryTypes(Protocol):
    """What an object kind can do that knows extensions: to tell which of their types may travel in binary."""

    def binary_types(self, extension: Extension) -> Collection[str]:
        """Return names of the extension's types whose binary form is one and the same in all versions that have one,
        and holds no OID; empty where the installed version has none."""


class Stage(Plugin):
    """A stage of the work. Its `do_<action>(self, context: StepContext) -> StepResult` methods are its actions."""

    types: ClassVar[frozenset[MigrationType]] = ALL_TYPES

    @abstractmethod
    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return the stage's steps, those of the object kinds included."""
