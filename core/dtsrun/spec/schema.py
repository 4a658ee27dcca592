"""JSON Schema of the whole spec, composed from the core and the fragments that the plugins bring.

The same schema validates a spec and serves editors. A plugin's `options` are closed: a key that they do not name is an
error, on every level, unless the fragment itself says `additionalProperties`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, Protocol

import yaml

from dtsrun.api import (
    AccessType,
    Check,
    Engine,
    Gate,
    InventoryProvider,
    ObjectKind,
    Plugin,
    Precheck,
    Secret,
    Severity,
    Stage,
    Throttle,
)
from dtsrun.errors import PluginError

Schema = dict[str, Any]

OWN_PLUGINS: Final = "dtsrun_plugins."
"""How the modules of the plugins begin that come with dtsrun, which its own tests check (`PluginContract`)."""

ACCESS: Final = "How the server is reached; `type` decides which other keys there are."
REFERENCE: Final = "A reference to a secret; never the secret itself."
INVENTORY: Final = "What knows the addresses of instances; `type` decides which other keys there are."


class KnownPlugins(Protocol):
    """The part of the registry that the spec is read against."""

    @property
    def access_types(self) -> Sequence[AccessType]: ...

    @property
    def inventory_providers(self) -> Sequence[InventoryProvider]: ...

    @property
    def secrets(self) -> Sequence[Secret]: ...

    @property
    def prechecks(self) -> Sequence[Precheck]: ...

    @property
    def object_kinds(self) -> Sequence[ObjectKind]: ...

    @property
    def stages(self) -> Sequence[Stage]: ...

    @property
    def engines(self) -> Sequence[Engine]: ...

    @property
    def gates(self) -> Sequence[Gate]: ...

    @property
    def throttles(self) -> Sequence[Throttle]: ...


def compose_schema(registry: KnownPlugins) -> Schema:
    """Return the JSON Schema (2020-12) of a spec.

    Raises:
        PluginError: the options of a plugin are no JSON Schema; names the plugin.
    """
    schema: Schema = copy.deepcopy(_core())
    definitions = schema["$defs"]
    definitions["access"] = _union(registry.access_types, definitions)
    definitions["access"] |= {"title": "Access", "description": ACCESS}
    definitions["inventory"] = _union(registry.inventory_providers, definitions)
    definitions["inventory"] |= {"title": "Inventory", "description": INVENTORY}
    definitions["secret"] = _secret(registry.secrets)
    # For what may not stand in the spec itself: an access key opens more than one server.
    definitions["secret_reference"] = {**definitions["secret"], "type": "object", "description": REFERENCE}
    definitions["pattern"] = _pattern(registry.object_kinds)
    definitions["kinds"] = _by_name("Options of object kinds, by name.", registry.object_kinds)
    definitions["stages"] = _by_name("Options of stages, by name.", registry.stages)
    definitions["throttle"] = _throttle(registry.throttles, definitions["throttle"])
    checks: list[Check[Any]] = [*registry.prechecks, *registry.gates]
    definitions["checks"] = _checks(checks)
    definitions["check_name"] = {"enum": [check.name for check in checks]}
    return schema


def compose_policy_schema(registry: KnownPlugins) -> Schema:
    """Return the JSON Schema of a policy file.

    Raises:
        PluginError: the options of a plugin are no JSON Schema; names the plugin.
    """
    return policy_part(compose_schema(registry))


def policy_part(schema: Schema) -> Schema:
    """Return the schema of a policy file out of that of a spec."""
    definitions = schema["$defs"]
    used = {name: definitions[name] for name in ("checks", "check_name", "waiver", "sql_check")}
    return {"$schema": schema["$schema"], **definitions["policy"], "required": ["dtsrun_policy"], "$defs": used}


def options_schema(plugin: Plugin) -> Schema:
    """Return the closed schema of a plugin's options.

    Raises:
        PluginError: they are no JSON Schema.
    """
    fragment = _fragment(plugin)
    return {**_about(plugin), "type": "object", **_closed(fragment)}


def title_of(plugin: Plugin) -> str:
    """Return the first line of a plugin's page, its name where it has none."""
    page = inspect.getdoc(type(plugin)) or inspect.getdoc(inspect.getmodule(type(plugin))) or plugin.name
    return page.strip().partition("\n")[0].rstrip(".")


@cache
def _core() -> Schema:
    core: Schema = yaml.safe_load(resources.files(__package__).joinpath("core.yaml").read_text("utf-8"))
    return core


def _union(plugins: Iterable[Plugin], definitions: Schema) -> Schema:
    """Return a union that `type` discriminates, so that only the chosen branch complains."""
    branches = []
    known = []
    for plugin in plugins:
        definitions[plugin.name] = _with_type(options_schema(plugin), plugin.short_name)
        chosen = {"properties": {"type": {"const": plugin.short_name}}, "required": ["type"]}
        branches.append({"if": chosen, "then": {"$ref": f"#/$defs/{plugin.name}"}})
        known.append(plugin.short_name)
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": known}},
        **({"allOf": branches} if branches else {}),
    }


def _with_type(schema: Schema, name: str) -> Schema:
    return {**schema, "properties": {"type": {"const": name}, **schema.get("properties", {})}}


def _secret(secrets: Iterable[Secret]) -> Schema:
    kinds = {secret.short_name: {**_about(secret), **_fragment(secret)} for secret in secrets}
    return {
        "title": "Secret",
        "description": "A reference to a password. In plain text it is accepted with an alarm.",
        "type": ["string", "object"],
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": kinds,
    }


def _pattern(kinds: Iterable[ObjectKind]) -> Schema:
    words = ["schema", *(kind.selector for kind in kinds if kind.selector)]
    return {
        "title": "Pattern",
        "description": "One kind of object and a pattern of names: `*` is any run of characters, `?` is one.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {word: {"type": "string", "minLength": 1} for word in dict.fromkeys(words)},
    }


def _by_name(description: str, plugins: Iterable[Plugin]) -> Schema:
    properties = {plugin.short_name: options_schema(plugin) for plugin in plugins}
    return {"description": description, "type": "object", "additionalProperties": False, "properties": properties}


def _throttle(throttles: Iterable[Throttle], core: Schema) -> Schema:
    own: Schema = core["properties"]
    named = {throttle.short_name: options_schema(throttle) for throttle in throttles}
    if taken := sorted(set(own) & set(named)):
        raise PluginError(
            f"throttle.{taken[0]} has the name of a key of resources.throttle", hint="give it another name"
        )
    return {**core, "properties": {**own, **named}}


def _checks(checks: Iterable[Check[Any]]) -> Schema:
    return {
        "description": "Severity and options of checks, by full name.",
        "type": "object",
        "additionalProperties": False,
        "properties": {check.name: _check(check) for check in checks},
    }


def _check(check: Check[Any]) -> Schema:
    severity = {"description": f"Left out: {check.severity.value}.", "enum": [str(each) for each in Severity]}
    return {
        **_about(check),
        "type": "object",
        "additionalProperties": False,
        "properties": {"severity": severity, "options": options_schema(check)},
    }


def _about(plugin: Plugin) -> Schema:
    return {"title": plugin.name, "description": title_of(plugin)}


def _fragment(plugin: Plugin) -> Schema:
    """Return a copy of the plugin's own words; its `$defs` stay its own by an `$id`."""
    fragment: Schema = copy.deepcopy(dict(plugin.options))
    if fragment and not type(plugin).__module__.startswith(OWN_PLUGINS):
        _must_be_schema(fragment, plugin)
    return {"$id": f"urn:dtsrun:{plugin.name}", **fragment} if "$defs" in fragment else fragment


def _must_be_schema(fragment: Schema, plugin: Plugin) -> None:
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(fragment)
    except jsonschema.SchemaError as error:
        message = f"the options of plugin {plugin.name} are no JSON Schema: {error.message}"
        raise PluginError(message, where=type(plugin).__module__) from error


def _closed(schema: Mapping[str, Any]) -> Schema:
    """Return the schema with unknown keys refused wherever keys are named."""
    closed = dict(schema)
    if "properties" in closed or "type" not in closed:
        closed.setdefault("additionalProperties", False)
        closed["properties"] = {key: _closed_value(value) for key, value in closed.get("properties", {}).items()}
    return closed


def _closed_value(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    closed = _closed(schema) if "properties" in schema else dict(schema)
    if "items" in closed:
        closed["items"] = _closed_value(closed["items"])
    return closed
