"""A plugin's page: its docstring, the table of its options, and where it stands among the others."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from dtsrun.api import Check, ObjectKind, Plugin
from dtsrun.errors import PluginError
from dtsrun.registry import FAMILIES, Registry
from dtsrun.report.columns import columns, section

_HEADING: Final = re.compile(r"^(?P<title>\S.*)\n-{3,}$", re.MULTILINE)
FAMILY_WORDS: Final = {
    "access": "Access types",
    "inventory": "Inventory providers",
    "secret": "Secrets",
    "precheck": "Prechecks",
    "object": "Object kinds",
    "stage": "Stages",
    "engine": "Engines",
    "gate": "Gates of the cutover",
    "throttle": "Throttles",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A docstring, cut at its headings."""

    title: str
    sections: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One key that a plugin understands."""

    path: str
    type: str
    default: str
    description: str
    is_required: bool


def read_page(plugin: Plugin) -> Page:
    """Return a plugin's docstring as a page; the title is the first line."""
    text = inspect.getdoc(type(plugin)) or ""
    title, _, rest = text.partition("\n")
    parts = _HEADING.split(rest)
    bodies = dict(zip(parts[1::2], (_without_mark(body) for body in parts[2::2]), strict=True))
    return Page(title.strip(), bodies)


def _without_mark(body: str) -> str:
    """Return a section without the lone `::` of reStructuredText."""
    return re.sub(r"^::\n\n", "", body.strip("\n")).rstrip()


def options_of(schema: Mapping[str, Any], prefix: str = "") -> Iterator[Option]:
    """Return the keys of a JSON Schema, those of nested objects after the one that holds them."""
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield _option(path, part, name in required)
        if isinstance(part, Mapping) and part.get("properties"):
            yield from options_of(part, f"{path}.")


def _option(path: str, schema: Any, required: bool) -> Option:
    known = schema if isinstance(schema, Mapping) else {}
    default = json.dumps(known["default"], ensure_ascii=False) if "default" in known else ""
    return Option(
        path=path,
        type=type_text(known),
        default=default,
        description=known.get("description", ""),
        is_required=required,
    )


def type_text(schema: Mapping[str, Any]) -> str:
    """Return what a value may be, in few words: `integer 1..65535`, `disable | require`, `list of string`."""
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    for word in ("oneOf", "anyOf"):
        if word in schema and "type" not in schema:
            return " | ".join(dict.fromkeys(type_text(choice) for choice in schema[word]))
    return _plain_type(schema)


def _plain_type(schema: Mapping[str, Any]) -> str:
    declared = schema.get("type", "any")
    name = " | ".join(declared) if isinstance(declared, Sequence) and not isinstance(declared, str) else str(declared)
    if name == "array":
        return f"list of {type_text(schema.get('items', {}))}"
    if name == "object":
        return "mapping"
    return name + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    return f" {low if low is not None else ''}..{high if high is not None else ''}"


def title_of(plugin: Plugin) -> str:
    """Return a plugin's title in lists; a docstring that ends it with a stop means the same title."""
    return ((plugin.title if isinstance(plugin, Check) else "") or read_page(plugin).title).rstrip(".")


def find_plugin(registry: Registry, name: str) -> Plugin:
    """Return a plugin by its full name, its short one, or by an entry type or selector that it claims.

    Raises:
        PluginError: no plugin has the name, or several have; names the nearest, or all of them.
    """
    if name in registry.plugins:
        return registry.plugins[name]
    matching = [plugin for plugin in registry.plugins.values() if plugin.short_name == name or _claims(plugin, name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise PluginError(f"several plugins are called {name!r}", hint=", ".join(plugin.name for plugin in matching))
    raise PluginError(f"there is no plugin {name!r}", hint=_nearest(registry, name))


def _claims(plugin: Plugin, name: str) -> bool:
    return isinstance(plugin, ObjectKind) and (name.upper() in plugin.entry_types or name == plugin.selector)


def _nearest(registry: Registry, name: str) -> str:
    words = {plugin.short_name: plugin.name for plugin in registry.plugins.values()}
    words.update({full: full for full in registry.plugins})
    near = dict.fromkeys(words[word] for word in get_close_matches(name, words, n=3))
    listed = "`dtsrun plugins` lists them all, with `--spec SPEC` also those of a spec"
    return f"did you mean {' or '.join(near)}? {listed}" if near else listed


def page_text(plugin: Plugin, registry: Registry) -> str:
    """Return a plugin's page for the terminal."""
    page = read_page(plugin)
    lines = [f"{plugin.name}: {title_of(plugin)}", "", *columns(_facts(plugin, registry))]
    for heading, body in page.sections.items():
        lines += section(heading, [f"  {line}".rstrip() for line in body.splitlines()])
        if heading == "Spec":
            lines += section("Options", _option_lines(plugin))
    return "\n".join(lines)


def _facts(plugin: Plugin, registry: Registry) -> Iterator[tuple[str, str]]:
    yield ("from", registry.origin(plugin.name))
    if plugin.requires:
        yield ("requires", ", ".join(plugin.requires))
    if plugin.after:
        yield ("comes after", ", ".join(plugin.after))
    if isinstance(plugin, Check):
        yield ("severity", plugin.severity.value)
        yield ("side", plugin.side)
        yield ("types", ", ".join(sorted(plugin.types)))
    if isinstance(plugin, ObjectKind):
        yield ("claims", ", ".join(plugin.entry_types) or "no entry type of pg_dump")
        yield ("selector", plugin.selector or "none: comes with the object that it belongs to")


def _option_lines(plugin: Plugin) -> list[str]:
    rows = [_option_cells(option) for option in options_of(plugin.options)]
    return columns(rows, headers=("key", "value", "default", "")) if rows else []


def _option_cells(option: Option) -> tuple[str, str, str, str]:
    return (option.path, option.type, "required" if option.is_required else option.default, option.description)


def plugins_text(registry: Registry) -> str:
    """Return all plugins by family, each with its title and the distribution that it comes from."""
    lines: list[str] = []
    for family in FAMILIES:
        members = [plugin for plugin in registry.plugins.values() if isinstance(plugin, family.base)]
        rows = [(plugin.name, title_of(plugin), registry.origin(plugin.name)) for plugin in members]
        lines += section(f"{FAMILY_WORDS[family.name]} ({len(rows)})", columns(rows))
    return "\n".join(lines[1:])


def plugins_data(registry: Registry) -> list[dict[str, Any]]:
    """Return all plugins as JSON values."""
    return [_plugin_data(plugin, registry) for plugin in registry.plugins.values()]


def _plugin_data(plugin: Plugin, registry: Registry) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "family": plugin.name.partition(".")[0],
        "title": title_of(plugin),
        "distribution": registry.origin(plugin.name),
        "requires": list(plugin.requires),
        "after": list(plugin.after),
        "options": plugin.options,
    }
