"""Both ends of a task, opened: routes, what the servers say of themselves, and the way to connect."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import platformdirs
import psycopg

from dtsrun.api import (
    AccessType,
    Connection,
    Instance,
    ProbeResult,
    Route,
    SecretReference,
    ServerFacts,
    Side,
    Spec,
    WantedInstance,
)
from dtsrun.errors import AccessError, DtsrunError, UnreachableError
from dtsrun.inventory import read_server_facts
from dtsrun.postgres.session import connect
from dtsrun.registry import Registry, load_registry
from dtsrun.spec import load_spec, local_plugins
from dtsrun.spec.instances import find_instance
from dtsrun.spec.secrets import resolve

LASTING: Final = frozenset({"authentication", "no_database", "tls"})
"""Causes of a failed connectivity test that time does not heal."""

SIDES: tuple[Side, Side] = ("source", "target")


def home_folder() -> Path:
    """Return dtsrun's state folder: DTSRUN_HOME, else the platform's."""
    chosen = os.environ.get("DTSRUN_HOME")
    return Path(chosen).expanduser().resolve() if chosen else platformdirs.user_state_path("dtsrun")


def task_folder(home: Path, task: str) -> Path:
    """Return where a task's log, reports and lock lie. Names of tasks are checked by the spec."""
    return home / "tasks" / task


def verification_name(task: str) -> str:
    """Return what a verification of a task is called in the journal."""
    return f"{task}.verify"


@dataclass(frozen=True, slots=True)
class Access:
    """What an access type may use (see `dtsrun.api.AccessContext`)."""

    home: Path
    task: str
    spec_folder: Path
    registry: Registry

    def resolve(self, reference: SecretReference) -> str:
        """Return the secret behind a reference."""
        return resolve(reference, self.registry, self)

    def find_instance(self, inventory: Mapping[str, Any], wanted: WantedInstance) -> Instance:
        """Ask the inventory provider that a spec names."""
        return find_instance(inventory, wanted, self.registry, self)


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends, reachable while they are open."""

    spec: Spec
    registry: Registry
    routes: Mapping[Side, Route]
    facts: Mapping[Side, ServerFacts]

    def connect(self, side: Side, database: str | None, purpose: str, **settings: str) -> Connection:
        """Open a connection; `database` is the source's name of it on either side."""
        name = database
        if side == "target" and database is not None:
            name = self.spec.selection.target_name(database)
        return connect(self.routes[side], name, purpose=purpose, settings=settings)


def read_spec(path: Path) -> tuple[Spec, Registry]:
    """Load a spec with the plugins that it names."""
    registry = load_registry(local_plugins(path))
    return load_spec(path, registry), registry


def access_of(spec: Spec, registry: Registry, side: Side) -> tuple[AccessType, Access]:
    """Return the access type of a side and what it may use."""
    plugin = registry.get(f"access.{spec.endpoint(side).access_type}")
    assert isinstance(plugin, AccessType)
    return plugin, Access(home_folder(), spec.task.name, spec.path.parent, registry)


def probe_ends(spec_path: Path) -> Iterator[ProbeResult]:
    """Test the way to both ends."""
    spec, registry = read_spec(spec_path)
    for side in SIDES:
        yield from probe_side(spec, registry, side)


def probe_side(spec: Spec, registry: Registry, side: Side) -> Iterator[ProbeResult]:
    """Test the way to one end."""
    plugin, context = access_of(spec, registry, side)
    yield from plugin.probe(spec.endpoint(side), context)


@contextmanager
def open_ends(spec: Spec, registry: Registry) -> Iterator[Ends]:
    """Open the routes of both ends and ask the servers who they are.

    Raises:
        AccessError: an end cannot be reached, or does not let us in; says which, and why.
    """
    with ExitStack() as stack:
        routes: dict[Side, Route] = {}
        for side in SIDES:
            plugin, context = access_of(spec, registry, side)
            routes[side] = stack.enter_context(plugin.open(spec.endpoint(side), context))
        yield Ends(spec, registry, routes, _ask_both(spec, registry, routes))


def _ask_both(spec: Spec, registry: Registry, routes: Mapping[Side, Route]) -> Mapping[Side, ServerFacts]:
    """Ask both servers at once: a login and its questions are about ten round trips. Where neither answers, what is
    said is of the source."""
    with ThreadPoolExecutor(len(SIDES), thread_name_prefix="facts") as pool:
        asked = {side: pool.submit(_ask, spec, registry, side, routes[side]) for side in SIDES}
        return {side: answer.result() for side, answer in asked.items()}


def _ask(spec: Spec, registry: Registry, side: Side, route: Route) -> ServerFacts:
    try:
        with connect(route, purpose="facts") as connection:
            return read_server_facts(connection)
    except psycopg.OperationalError as error:
        raise _unreachable(spec, registry, side, error) from error


def _unreachable(spec: Spec, registry: Registry, side: Side, error: psycopg.Error) -> DtsrunError:
    """Return what the connectivity test has to say, which is more than what libpq said."""
    for result in probe_side(spec, registry, side):
        if result.status == "failed":
            kind = AccessError if result.cause in LASTING else UnreachableError
            return kind(result.message, where=side, hint=result.hint)
    return UnreachableError(" ".join(str(error).split()), where=side)  # it answers again
