"""The contracts of the test kit notice what they are there for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dtsrun.api import (
    AccessContext,
    AccessType,
    CheckContext,
    Endpoint,
    Finding,
    ObjectKind,
    PlanContext,
    Plugin,
    Precheck,
    Route,
    Secret,
    Stage,
    Step,
)
from dtsrun.errors import AccessError
from dtsrun.registry import FAMILIES
from dtsrun.testing import contracts
from dtsrun.testing.contracts import (
    AccessTypeContract,
    ObjectKindContract,
    PluginContract,
    PrecheckContract,
    SecretContract,
    StageContract,
)
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint


class Good(Precheck):
    """Nothing is wrong

    What it does
    ------------
    Nothing.

    Why it matters
    --------------
    It does not.

    Spec
    ----
    `answer`.

    Needs
    -----
    Nothing.

    Example
    -------
    None.

    Limits
    ------
    All.
    """

    name = "precheck.good"
    options = {"properties": {"answer": {"description": "The answer.", "type": "integer", "default": 42}}}

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Find nothing."""
        return iter(())


class TestGood(PrecheckContract):
    """A check that keeps its contract."""

    plugin = Good


class GoodKind(ObjectKind):
    __doc__ = Good.__doc__
    name = "object.good"
    entry_types = ("TABLE", "FK CONSTRAINT")
    selector = "table"

    def do_copy(self, context: Any) -> None:
        """Do nothing."""


class TestGoodKind(ObjectKindContract):
    """A kind that keeps its contract."""

    plugin = GoodKind


class GoodStage(Stage):
    __doc__ = Good.__doc__
    name = "stage.good"

    def plan(self, context: PlanContext) -> Iterator[Step]:
        """Plan nothing."""
        return iter(())


class TestGoodStage(StageContract):
    """A stage that keeps its contract."""

    plugin = GoodStage


class GoodSecret(Secret):
    __doc__ = Good.__doc__
    name = "secret.good"
    options = {"type": "string"}

    def resolve(self, value: Any, context: AccessContext) -> str:
        """Return the value backwards."""
        if not value:
            raise AccessError("there is no secret")
        return str(value)[::-1]


class TestGoodSecret(SecretContract):
    """A secret that keeps its contract."""

    plugin = GoodSecret

    @pytest.fixture
    def known(self) -> tuple[str, str]:
        """A value and its secret."""
        return "abc", "cba"

    @pytest.fixture
    def unknown(self) -> str:
        """A value without one."""
        return ""


class GoodAccess(AccessType):
    __doc__ = Good.__doc__
    name = "access.good"

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give what the endpoint holds."""
        yield Route(parameters=endpoint.access, description="good")


class TestGoodAccess(AccessTypeContract):
    """An access type that keeps its contract."""

    plugin = GoodAccess

    @pytest.fixture
    def endpoint(self, source_route: Route) -> Endpoint:
        """A running server."""
        return make_endpoint(access=source_route.parameters)


def broken(contract: type[PluginContract], base: type[Plugin], test: str, **changes: Any) -> None:
    """Run one test of a contract on a plugin with something changed."""
    made = type("Broken", (base,), {"__doc__": Good.__doc__, "__module__": __name__, **changes})
    subject = contract()
    type(subject).plugin = made  # type: ignore[misc]
    try:
        getattr(subject, test)()
    finally:
        del type(subject).plugin


class Unmade(Good):
    """It needs an argument."""

    def __init__(self, needed: int) -> None:
        self.needed = needed


MISSING_PART = (Good.__doc__ or "").replace("Limits\n    ------", "Bounds\n    ------")
WRONG_ORDER = (Good.__doc__ or "").replace("Needs\n    -----", "X\n    -").replace("Spec\n    ----", "Needs\n    -----")


@pytest.mark.parametrize(
    ("contract", "base", "test", "changes"),
    [
        (PrecheckContract, Good, "test_it_belongs_to_its_family", {"name": "access.good"}),
        (PrecheckContract, Good, "test_it_belongs_to_its_family", {"name": "precheck.Good"}),
        (PrecheckContract, Good, "test_its_page_begins_with_a_title", {"__doc__": "x" * 101}),
        (PrecheckContract, Good, "test_its_page_has_all_parts_in_order", {"__doc__": MISSING_PART}),
        (PrecheckContract, Good, "test_its_page_has_all_parts_in_order", {"__doc__": WRONG_ORDER}),
        (PrecheckContract, Good, "test_its_page_has_all_parts_in_order", {"__doc__": None}),
        (PrecheckContract, Good, "test_its_options_are_described", {"options": {"properties": {"a": {}}}}),
        (PrecheckContract, Good, "test_its_options_have_defaults", {"options": {"required": ["a"]}}),
        (PrecheckContract, Good, "test_what_it_requires_is_there", {"requires": ("precheck.no_such",)}),
        (PrecheckContract, Good, "test_what_it_waits_for_is_named_in_full", {"after": ("good",)}),
        (PrecheckContract, Good, "test_it_names_its_side", {"side": "left"}),
        (PrecheckContract, Good, "test_it_has_a_severity", {"severity": "bad"}),
        (PrecheckContract, Good, "test_it_applies_to_some_migration", {"types": frozenset()}),
        (ObjectKindContract, GoodKind, "test_it_claims_entry_types_of_pg_dump", {"entry_types": ("Table",)}),
        (ObjectKindContract, GoodKind, "test_it_claims_entry_types_of_pg_dump", {"entry_types": ("TABLE", "TABLE")}),
        (ObjectKindContract, GoodKind, "test_its_selector_is_one_word", {"selector": "a table"}),
        (ObjectKindContract, GoodKind, "test_its_actions_take_a_context", {"do_it": lambda self: None}),
        (StageContract, GoodStage, "test_its_actions_take_a_context", {"do_it": lambda self, other: None}),
    ],
)
def test_what_breaks_a_contract_is_noticed(
    contract: type[PluginContract], base: type[Plugin], test: str, changes: dict[str, Any]
) -> None:
    if "requires" in changes:
        pytest.importorskip("dtsrun_plugins.stages", reason="the registry needs all families")
    with pytest.raises(AssertionError):
        broken(contract, base, test, **changes)


@pytest.mark.parametrize(
    ("options", "test"),
    [
        ({"properties": {"a": {"type": "nothing"}}}, "test_its_options_are_a_json_schema"),
        ({"properties": {"a": {"type": "integer", "default": "x"}}}, "test_its_defaults_keep_its_own_schema"),
    ],
)
def test_options_that_make_no_sense_are_noticed(options: dict[str, Any], test: str) -> None:
    with pytest.raises(Exception, match=r"nothing|'x' is not of type 'integer'"):
        broken(PrecheckContract, Good, test, options=options)


def test_a_plugin_that_needs_an_argument_is_noticed() -> None:
    with pytest.raises(TypeError):
        broken(PrecheckContract, Unmade, "test_it_is_made_without_arguments")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_has_a_contract_and_few_abstract_methods(family: Any) -> None:
    bases = [
        contract.base
        for _, contract in inspect.getmembers(contracts, inspect.isclass)
        if issubclass(contract, PluginContract) and contract is not PluginContract
    ]
    assert family.base in bases
    assert len(family.base.__abstractmethods__) <= 4


def test_a_fake_context_gives_only_secrets_that_the_test_named(tmp_path: Any) -> None:
    from dtsrun.api import SecretReference

    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets={"NAME": "secret"})
    resolve: Callable[[SecretReference], str] = context.resolve
    assert resolve(SecretReference(kind="env", value="NAME")) == "secret"
    with pytest.raises(AccessError, match="gives no secret for env"):
        resolve(SecretReference(kind="env", value="OTHER"))
