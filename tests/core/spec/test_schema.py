"""One JSON Schema of everything: the core's keys and every plugin's options, closed and described."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from dtsrun.api import AccessType, Secret, Stage, Throttle
from dtsrun.errors import PluginError
from dtsrun.registry import Registry
from dtsrun.spec import compose_policy_schema, compose_schema


class Broken(Stage):
    """Broken"""

    name = "stage.broken"
    options = {"properties": {"a": {"type": "strnig"}}}

    def plan(self, context: Any) -> Any:
        return ()


class WithDefinitions(AccessType):
    """Keeps definitions of its own"""

    name = "access.defined"
    options = {"$defs": {"port": {"type": "integer"}}, "properties": {"port": {"$ref": "#/$defs/port"}}}

    def open(self, endpoint: Any, context: Any) -> Any:
        raise AssertionError


class Open(Stage):
    """Lets any key in"""

    name = "stage.open"
    options = {
        "properties": {"list": {"type": "array", "items": {"properties": {"a": {}}}}},
        "additionalProperties": True,
    }

    def plan(self, context: Any) -> Any:
        return ()


class Vault(Secret):
    """A secret from a vault

    And more of its page.
    """

    name = "secret.vault"
    options = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}

    def resolve(self, value: Any, context: Any) -> str:
        raise AssertionError


def is_valid(registry: Registry, text: str) -> bool:
    validator = jsonschema.Draft202012Validator(compose_schema(registry))
    return validator.is_valid(yaml.safe_load(text))


def keys_of(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every named key of a schema with what it says of it."""
    if isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            yield f"{path}/{name}", inner
        for part, inner in schema.items():
            yield from keys_of(inner, f"{path}/{part}")


def test_it_is_a_json_schema_that_any_program_can_read(registry: Registry) -> None:
    for schema in (compose_schema(registry), compose_policy_schema(registry)):
        assert json.loads(json.dumps(schema)) == schema
        jsonschema.Draft202012Validator.check_schema(schema)


def test_it_accepts_the_smallest_spec(registry: Registry, base: str) -> None:
    assert is_valid(registry, base)


def test_every_key_of_the_core_is_described_for_editors(registry: Registry) -> None:
    schema = compose_schema(registry)
    core = {name: part for name, part in schema["$defs"].items() if not name.startswith("access.")}
    keys = [*keys_of({"properties": schema["properties"]}), *keys_of({"$defs": core})]
    assert len(keys) > 40
    of_plugins = (
        "/$defs/pattern/",
        "/$defs/stages/",
        "/$defs/kinds/",
        "/$defs/access/",
        "/$defs/inventory/",
        "/$defs/checks/",
    )
    bare = [path for path, key in keys if not key.get("description") and "$ref" not in key]
    assert [path for path in bare if not path.startswith(of_plugins)] == []


def test_plugins_appear_by_their_short_name_with_their_title(registry: Registry) -> None:
    definitions = compose_schema(registry)["$defs"]
    assert definitions["access"]["properties"]["type"]["enum"] == ["network", "local"]
    assert definitions["access.network"]["description"] == "Over the network"
    assert set(definitions["secret"]["properties"]) == {"command", "env", "file"}
    assert set(definitions["kinds"]["properties"]) == {"tables", "large_objects"}
    assert set(definitions["stages"]["properties"]) == {"verify"}
    assert set(definitions["checks"]["properties"]) == {"precheck.target_space"}
    assert set(definitions["pattern"]["properties"]) == {"schema", "table"}


def test_a_kind_of_secret_brings_the_form_of_its_value(registry_with: Callable[..., Registry]) -> None:
    secret = compose_schema(registry_with(Vault))["$defs"]["secret"]["properties"]["vault"]
    assert (secret["description"], secret["required"]) == ("A secret from a vault", ["path"])


def test_options_are_closed_on_every_level(registry: Registry) -> None:
    network = compose_schema(registry)["$defs"]["access.network"]
    assert network["additionalProperties"] is False
    assert network["properties"]["tls"]["additionalProperties"] is False


def test_a_plugin_may_leave_its_options_open(registry_with: Callable[..., Registry]) -> None:
    options = compose_schema(registry_with(Open))["$defs"]["stages"]["properties"]["open"]
    assert options["additionalProperties"] is True
    assert options["properties"]["list"]["items"]["additionalProperties"] is False


def test_definitions_of_a_plugin_stay_its_own(registry_with: Callable[..., Registry], base: str) -> None:
    registry = registry_with(WithDefinitions)
    right = base.replace("type: network, host: old.example.com", "type: defined, port: 5")
    assert is_valid(registry, right)
    assert not is_valid(registry, right.replace("port: 5", "port: x"))


def test_composing_does_not_touch_what_the_plugin_declared(registry_with: Callable[..., Registry]) -> None:
    before = json.dumps(Open.options)
    compose_schema(registry_with(Open))
    assert json.dumps(Open.options) == before


def test_options_that_are_no_schema_name_the_plugin(registry_with: Callable[..., Registry]) -> None:
    with pytest.raises(PluginError, match=r"stage\.broken are no JSON Schema.*strnig"):
        compose_schema(registry_with(Broken))


def test_a_throttle_has_no_name_that_the_spec_means_otherwise(registry_with: Callable[..., Registry]) -> None:
    class Every(Throttle):
        """Every."""

        name = "throttle.every"

        def look(self, context: Any) -> Any:
            raise NotImplementedError

    with pytest.raises(PluginError, match=r"throttle\.every has the name of a key"):
        compose_schema(registry_with(Every))


def test_a_registry_without_plugins_gives_a_schema_too() -> None:
    schema = compose_schema(Registry({}))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["access"]["properties"]["type"]["enum"] == []


def test_a_policy_file_must_say_its_version(registry: Registry) -> None:
    validator = jsonschema.Draft202012Validator(compose_policy_schema(registry))
    assert validator.is_valid({"dtsrun_policy": 1, "checks": {"precheck.target_space": {"options": {"ratio": 2}}}})
    assert not validator.is_valid({"checks": {}})
