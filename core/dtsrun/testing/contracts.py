"""What every plugin of a family must keep, as test classes to inherit.

    class TestWalLevel(PrecheckContract):
        plugin = WalLevel

Each contract tests the plugin as the core meets it: made without arguments, by its name, with its page and its options.
Contracts of access types and secrets also call it; they ask for a fixture of the test's own, named below.
"""

from __future__ import annotations

import inspect
import itertools
import pickle
import re
import time
from abc import ABC
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import jsonschema
import pytest
from psycopg.pq import TransactionStatus

from dtsrun.api import (
    AccessType,
    Check,
    Endpoint,
    Engine,
    Gate,
    InventoryProvider,
    ObjectKind,
    Plugin,
    Precheck,
    Secret,
    Severity,
    Signal,
    Stage,
    Throttle,
    WantedInstance,
)
from dtsrun.errors import AccessError
from dtsrun.postgres.session import connect
from dtsrun.registry import load_registry
from dtsrun.testing.fakes import FakeAccessContext, FakeThrottleContext

HEADINGS = ("What it does", "Why it matters", "Spec", "Needs", "Example", "Limits")
"""The parts of a plugin's page, in order."""

LONGEST_TITLE = 100

LONGEST_LOOK = 2.0
"""Seconds that a throttle may take to look at a server that is idle."""


class PluginContract(ABC):
    """What all families share; inherit from a family's contract instead."""

    plugin: ClassVar[type[Any]]
    """The class under test."""
    family: ClassVar[str]
    base: ClassVar[type[Plugin]]

    def test_it_belongs_to_its_family(self) -> None:
        assert issubclass(self.plugin, self.base)
        assert re.fullmatch(rf"{self.family}\.[a-z][a-z0-9_]*", self.plugin.name)

    def test_it_is_made_without_arguments(self) -> None:
        assert self.plugin().short_name == self.plugin.name.partition(".")[2]

    def test_it_can_go_to_another_process(self) -> None:
        assert type(pickle.loads(pickle.dumps(self.plugin()))) is self.plugin

    def test_its_page_begins_with_a_title(self) -> None:
        title = _page(self.plugin).splitlines()[0]
        assert 0 < len(title) <= LONGEST_TITLE

    def test_its_page_has_all_parts_in_order(self) -> None:
        assert [name for name in _headings(_page(self.plugin)) if name in HEADINGS] == list(HEADINGS)

    def test_its_options_are_a_json_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(self.plugin.options)

    def test_its_options_are_described(self) -> None:
        properties: Mapping[str, Any] = self.plugin.options.get("properties", {})
        silent = [name for name, schema in properties.items() if isinstance(schema, Mapping) and not _is_told(schema)]
        assert silent == []

    def test_its_defaults_keep_its_own_schema(self) -> None:
        for schema in self.plugin.options.get("properties", {}).values():
            if isinstance(schema, Mapping) and "default" in schema:
                jsonschema.validate(schema["default"], schema)

    def test_what_it_requires_is_there(self) -> None:
        known = load_registry().plugins if self.plugin.requires else {}
        assert [name for name in self.plugin.requires if name not in known] == []

    def test_what_it_waits_for_is_named_in_full(self) -> None:
        for name in (*self.plugin.requires, *self.plugin.after):
            assert re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]*", name)


class AccessTypeContract(PluginContract):
    """The contract of access types.

    The test gives a fixture `endpoint`: an `Endpoint` that leads to a running server. It may give `access_context` too.
    """

    family = "access"
    base = AccessType

    @pytest.fixture
    def access_context(self, tmp_path: Any) -> FakeAccessContext:
        """What the access type is handed; override it to prepare files or secrets."""
        return FakeAccessContext(home=tmp_path / "home", spec_folder=tmp_path)

    def test_its_route_leads_to_a_server(self, endpoint: Endpoint, access_context: FakeAccessContext) -> None:
        with self.plugin().open(endpoint, access_context) as route, connect(route) as connection:
            assert connection.execute("select 1 as one").fetchone().one == 1  # type: ignore[union-attr]

    def test_its_route_can_go_to_another_process(self, endpoint: Endpoint, access_context: FakeAccessContext) -> None:
        with self.plugin().open(endpoint, access_context) as route:
            assert pickle.loads(pickle.dumps(route)) == route

    def test_its_route_shows_no_password(self, endpoint: Endpoint, access_context: FakeAccessContext) -> None:
        with self.plugin().open(endpoint, access_context) as route:
            password = route.parameters.get("password")
            assert password is None or password not in f"{route!r} {route.notes}"

    def test_its_route_leaves_the_database_to_the_caller(
        self, endpoint: Endpoint, access_context: FakeAccessContext
    ) -> None:
        with self.plugin().open(endpoint, access_context) as route:
            assert "dbname" not in route.parameters

    def test_its_route_says_how_the_other_server_gets_there(
        self, endpoint: Endpoint, access_context: FakeAccessContext
    ) -> None:
        with self.plugin().open(endpoint, access_context) as route:
            # None: it cannot. Which database is the caller's matter there too.
            assert route.peer is None or ({"host", "hostaddr"} & set(route.peer) and "dbname" not in route.peer)

    def test_it_can_be_opened_again(self, endpoint: Endpoint, access_context: FakeAccessContext) -> None:
        for _ in range(2):
            with self.plugin().open(endpoint, access_context) as route:
                connect(route).close()

    def test_its_connectivity_test_passes(self, endpoint: Endpoint, access_context: FakeAccessContext) -> None:
        results = list(self.plugin().probe(endpoint, access_context))
        assert [(result.step, result.status) for result in results] == [
            ("open", "ok"),
            ("tcp", "ok"),
            ("login", "ok"),
        ]


class InventoryProviderContract(PluginContract):
    """The contract of inventory providers.

    The test gives three fixtures: `provider_options`, the keys beside `type`; `known`, a pair of what is wanted and the
    first address that it has; and `unknown`, what the provider does not know.
    """

    family = "inventory"
    base = InventoryProvider

    @pytest.fixture
    def access_context(self, tmp_path: Any) -> FakeAccessContext:
        """What the provider is handed; override it to prepare files or secrets."""
        return FakeAccessContext(home=tmp_path / "home", spec_folder=tmp_path)

    def test_it_gives_the_address(
        self, provider_options: Any, known: tuple[WantedInstance, str], access_context: FakeAccessContext
    ) -> None:
        wanted, address = known
        found = self.plugin().find(wanted, provider_options, access_context)
        assert (found.id, found.region, found.addresses[0]) == (wanted.id, wanted.region, address)

    def test_it_says_what_it_does_not_know(
        self, provider_options: Any, unknown: WantedInstance, access_context: FakeAccessContext
    ) -> None:
        with pytest.raises(AccessError, match=re.escape(unknown.id)):
            self.plugin().find(unknown, provider_options, access_context)

    def test_another_region_is_not_taken_for_the_right_one(
        self, provider_options: Any, known: tuple[WantedInstance, str], access_context: FakeAccessContext
    ) -> None:
        elsewhere = replace(known[0], region="region-that-is-nowhere")
        with pytest.raises(AccessError, match="region"):
            self.plugin().find(elsewhere, provider_options, access_context)


class SecretContract(PluginContract):
    """The contract of secrets.

    The test gives two fixtures: `known`, a pair of a value and the secret that it leads to, and `unknown`, a value that
    leads nowhere.
    """

    family = "secret"
    base = Secret

    @pytest.fixture
    def access_context(self, tmp_path: Any) -> FakeAccessContext:
        """What the secret is handed; override it to prepare files."""
        return FakeAccessContext(home=tmp_path / "home", spec_folder=tmp_path)

    def test_its_value_keeps_its_schema(self, known: tuple[Any, str]) -> None:
        jsonschema.validate(known[0], self.plugin.options)

    def test_it_gives_the_secret(self, known: tuple[Any, str], access_context: FakeAccessContext) -> None:
        assert self.plugin().resolve(known[0], access_context) == known[1]

    def test_it_says_when_there_is_none(self, unknown: Any, access_context: FakeAccessContext) -> None:
        with pytest.raises(AccessError):
            self.plugin().resolve(unknown, access_context)


class CheckContract(PluginContract):
    """What prechecks and gates keep; inherit from one of theirs instead."""

    family = "check"
    base = Check

    def test_it_names_its_side(self) -> None:
        assert self.plugin.side in {"source", "target", "both"}

    def test_it_has_a_severity(self) -> None:
        assert self.plugin.severity in {Severity.FAIL, Severity.ALARM}

    def test_it_applies_to_some_migration(self) -> None:
        assert self.plugin.types

    def test_its_options_have_defaults(self) -> None:
        # A check is made without the user naming it, so nothing may be required.
        assert "required" not in self.plugin.options


class PrecheckContract(CheckContract):
    """The contract of prechecks."""

    family = "precheck"
    base = Precheck


class GateContract(CheckContract):
    """The contract of gates."""

    family = "gate"
    base = Gate


class ObjectKindContract(PluginContract):
    """The contract of object kinds."""

    family = "object"
    base = ObjectKind

    def test_it_claims_entry_types_of_pg_dump(self) -> None:
        assert len(set(self.plugin.entry_types)) == len(self.plugin.entry_types)
        assert all(re.fullmatch(r"[A-Z][A-Z ]*[A-Z]", name) for name in self.plugin.entry_types)

    def test_its_selector_is_one_word(self) -> None:
        assert self.plugin.selector is None or re.fullmatch(r"[a-z][a-z_]*", self.plugin.selector)

    def test_its_actions_take_a_context(self) -> None:
        assert _wrong_actions(self.plugin) == []


class StageContract(PluginContract):
    """The contract of stages."""

    family = "stage"
    base = Stage

    def test_it_applies_to_some_migration(self) -> None:
        assert self.plugin.types

    def test_its_actions_take_a_context(self) -> None:
        assert _wrong_actions(self.plugin) == []


class EngineContract(PluginContract):
    """The contract of engines."""

    family = "engine"
    base = Engine

    def test_it_says_whether_the_target_must_reach_the_source(self) -> None:
        assert isinstance(self.plugin.needs_peer, bool)


class ThrottleContract(PluginContract):
    """The contract of throttles.

    The test gives a fixture `throttle_context`: a `FakeThrottleContext` over the route to a running server, with the
    options that the throttle needs.
    """

    family = "throttle"
    base = Throttle

    def test_it_names_its_side(self) -> None:
        assert self.plugin.side in {"source", "target"}

    def test_its_signal_says_what_it_read(self, throttle_context: FakeThrottleContext) -> None:
        with throttle_context as context:
            signal = self.plugin().look(context)
        assert isinstance(signal, Signal)
        assert signal.reading >= 0 and signal.limit > 0
        assert signal.told and "\n" not in signal.told and not signal.told.endswith(".")

    def test_a_look_changes_nothing_and_leaves_nothing_open(self, throttle_context: FakeThrottleContext) -> None:
        # The session is read-only: a look that writes fails here, as it does while copies run.
        with throttle_context as context:
            self.plugin().look(context)
            assert context.connection.info.transaction_status == TransactionStatus.IDLE

    def test_a_look_is_quick(self, throttle_context: FakeThrottleContext) -> None:
        with throttle_context as context:
            self.plugin().look(context)
            began = time.monotonic()
            self.plugin().look(context)
            assert time.monotonic() - began < LONGEST_LOOK


def _page(plugin: type[Plugin]) -> str:
    """Return the class's own docstring; an inherited one describes something else."""
    return inspect.cleandoc(plugin.__doc__ or "")


def _headings(page: str) -> list[str]:
    lines = page.splitlines()
    return [
        line
        for line, below in itertools.pairwise(lines)
        if line and below and set(below) == {"-"} and len(below) == len(line)
    ]


def _is_told(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("description") or schema.get("$ref"))


def _wrong_actions(plugin: type[Plugin]) -> list[str]:
    actions = [member for name, member in inspect.getmembers(plugin, inspect.isfunction) if name.startswith("do_")]
    return [action.__name__ for action in actions if list(inspect.signature(action).parameters) != ["self", "context"]]
