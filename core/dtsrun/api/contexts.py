"""What the core hands to plugins: protocols, so that a test can hand in a fake of ten lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from dtsrun.api.instances import Instance, WantedInstance
from dtsrun.api.inventory import Entry, Inventory, ServerFacts
from dtsrun.api.routes import ProbeResult, Route, SecretReference, Side
from dtsrun.api.spec import Resources, Spec
from dtsrun.api.steps import Step

if TYPE_CHECKING:
    from dtsrun.api.findings import Finding
    from dtsrun.api.incremental import Link, LinkStatus, LinkTable
    from dtsrun.api.plugins import ObjectKind

Connection = psycopg.Connection[Any]
"""A psycopg connection with named-tuple rows and dtsrun's canonical session settings."""


class AccessContext(Protocol):
    """What an access type may use."""

    @property
    def home(self) -> Path:
        """dtsrun's state folder, private to the user."""

    @property
    def task(self) -> str:
        """The task's name, for naming what is made."""

    @property
    def spec_folder(self) -> Path:
        """Where relative paths of the spec start."""

    def resolve(self, reference: SecretReference) -> str:
        """Return the secret behind a reference. Raises AccessError."""

    def find_instance(self, inventory: Mapping[str, Any], wanted: WantedInstance) -> Instance:
        """Ask the inventory provider that a spec's `access.inventory` names. Raises AccessError."""


class CheckContext(Protocol):
    """What a precheck may use. Connections are shared and read-only, and have a statement timeout."""

    @property
    def spec(self) -> Spec: ...

    @property
    def options(self) -> Mapping[str, Any]:
        """The check's own options, from the policy over its defaults."""

    @property
    def inventory(self) -> Inventory:
        """What is selected of the source; read at first use. Raises DtsrunError where it cannot be read."""

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""

    def source(self, database: str | None = None) -> Connection:
        """Return a connection to a database of the source; None means the maintenance database."""

    def target(self, database: str | None = None) -> Connection | None:
        """Return a connection to the target's counterpart of a source database, None where it does not exist yet."""

    def target_entries(self, database: str) -> Sequence[Entry]:
        """Return what the target's counterpart of a source database already holds; empty where it does not exist."""

    def probe(self, side: Side) -> Sequence[ProbeResult]:
        """Return the connectivity test of a side, made once."""

    def conflicts(self, database: str) -> Sequence[Entry]:
        """Return selected entries of the source whose label exists on the target already."""


class GateContext(CheckContext, Protocol):
    """What a gate of the cutover may use, beside what a check may."""

    @property
    def links(self) -> Sequence[Link]:
        """All that is followed."""

    @property
    def fence(self) -> str:
        """How dtsrun will close the source: `none`, `read_only`, `connections`."""

    @property
    def open_steps(self) -> Sequence[str]:
        """Titles of the steps before the cutover that are not done, with why."""

    @property
    def drifts(self) -> Sequence[Finding]:
        """What changed on the source since the copy and is not repaired."""

    @property
    def differences(self) -> int | None:
        """How many differences the last verification of the task found; None where none was made."""

    @property
    def verified_at(self) -> datetime | None:
        """When that verification ended; None where none was made."""

    @property
    def will_verify(self) -> bool:
        """Whether the cutover compares both ends before it takes the links away."""

    def statuses(self) -> Sequence[LinkStatus]:
        """Return how the links stand now."""


class PlanContext(Protocol):
    """What stages and object kinds may use when they plan. No side effects."""

    @property
    def spec(self) -> Spec: ...

    @property
    def inventory(self) -> Inventory: ...

    @property
    def target(self) -> ServerFacts: ...

    @property
    def kinds(self) -> Sequence[ObjectKind]:
        """All object kinds, in the order of their graph."""

    @property
    def resources(self) -> Resources:
        """With every number decided."""

    def kind(self, name: str) -> ObjectKind:
        """Return an object kind by its plugin name."""

    def options(self, plugin: str) -> Mapping[str, Any]:
        """Return a plugin's options from the spec over its defaults."""

    def followed(self, database: str) -> Sequence[LinkTable]:
        """Return the tables of a database whose changes are followed, and how; empty where none are."""

    def existing(self, database: str) -> frozenset[str]:
        """Return the labels of selected entries that the target holds already (for `on_conflict: skip` and `drop`)."""


class StepContext(Protocol):
    """What a running step may use. It may run in another process than the engine."""

    @property
    def step(self) -> Step: ...

    @property
    def spec(self) -> Spec: ...

    @property
    def options(self) -> Mapping[str, Any]:
        """The plugin's options from the spec over its defaults."""

    @property
    def earlier(self) -> Mapping[str, Any]:
        """The `detail` of an earlier run of this step that had failures; else empty."""

    @property
    def epoch(self) -> int:
        """Number of the snapshot that `source` reads in; counts from 1 in each database."""

    def source(self, database: str | None = None) -> Connection:
        """Return a connection inside a read-only transaction in the epoch's snapshot; the step's own database by
        default."""

    def target(self, database: str | None = None) -> Connection:
        """Return a connection to the target. For the step's own database it is inside the transaction that the mark
        will be part of (unless the step is not transactional)."""

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""

    def follow(self) -> Sequence[LinkStatus]:
        """Let the engine carry the changes of the step's database, each table's from its own epoch on; return how its
        links stand. Safe to repeat."""

    def dump(self, side: Side, database: str) -> Sequence[Entry]:
        """Return the entries of a fresh schema-only dump of one end, all of them; `database` is the source's name."""

    def progress(self, *, rows: int = 0, bytes: int = 0) -> None:
        """Tell of work done since the last call. Raises Interrupted when the user stopped the task."""

    def created(self, what: str, name: str) -> None:
        """Remember, before making it, something that outlives the transaction: `database`, `role`, ..."""
