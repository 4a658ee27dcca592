"""A page for each plugin, and one for each family."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final

from dtsrun.api import Check, ObjectKind, Plugin, Stage
from dtsrun.registry import Family, Registry
from dtsrun.report.pages import FAMILY_WORDS, options_of, read_page, title_of
from dtsrun.report.reference.markdown import option_row, page, table

FOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access": "access",
        "secret": "secrets",
        "precheck": "prechecks",
        "object": "objects",
        "stage": "stages",
        "engine": "engines",
        "gate": "gates",
        "throttle": "throttles",
        "inventory": "inventory",
    }
)
"""Family -> folder of its pages."""

CHOSEN_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access": "A spec chooses one for each end: `source.access.type` and `target.access.type`.",
        "inventory": "An access type that knows a server by its id asks one: `access.inventory.type`.",
        "secret": "A spec names one where a password is wanted: `password: {<name>: <value>}`.",
        "precheck": "All of them are made before anything moves, in this order; a policy weighs what they find.",
        "object": "Each claims entry types of `pg_dump`; an entry that none of them claims stops the migration.",
        "stage": "Each adds steps to the plan. Stages are labels of steps, not barriers between them.",
        "engine": "A spec chooses one for `full_incremental`: `migration.stages.incremental.engine`.",
        "gate": "All of them are made before the cutover of a source in use; a policy weighs what they find.",
        "throttle": "Copies give way to those that a spec names: `resources.throttle.<name>`.",
    }
)


def page_of(plugin: Plugin) -> str:
    """Return the path of a plugin's page."""
    return f"{FOLDERS[plugin.name.partition('.')[0]]}/{plugin.short_name}.md"


def plugin_page(plugin: Plugin) -> str:
    """Return a plugin's page: its docstring, where it stands, its options."""
    written = read_page(plugin)
    parts = [f"# {plugin.name}", f"{title_of(plugin)}.", "\n".join(_facts(plugin))]
    for heading, body in written.sections.items():
        parts += [f"## {heading}", as_markdown(body)]
        if heading == "Spec":
            parts += _options_part(plugin)
    return page(*parts)


def family_page(family: Family, registry: Registry) -> str:
    """Return the list of a family's plugins."""
    members = [plugin for plugin in registry.plugins.values() if isinstance(plugin, family.base)]
    contract = f"Authors extend `{family.base.__name__}`; the hook is `{family.hook}` ([hooks](../hooks.md))."
    return page(f"# {FAMILY_WORDS[family.name]}", CHOSEN_BY[family.name], _list_of(members), contract)


def _list_of(members: Sequence[Plugin]) -> str:
    rows = [(f"[{plugin.name}]({plugin.short_name}.md)", title_of(plugin), *_word(plugin)) for plugin in members]
    words = ["word in `include` and `exclude`"] if any(isinstance(plugin, ObjectKind) for plugin in members) else []
    return table(("name", "what it is", *words), rows)


def _word(plugin: Plugin) -> Iterator[str]:
    if isinstance(plugin, ObjectKind):
        yield f"`{plugin.selector}`" if plugin.selector else ""


def as_markdown(body: str) -> str:
    """Return a section of a docstring with its indented blocks fenced."""
    parts = []
    for is_code, lines in groupby(_with_blanks(body.splitlines()), key=lambda pair: pair[0]):
        text = "\n".join(line for _, line in lines).strip("\n")
        parts.append(_fenced(inspect.cleandoc("\n" + text)) if is_code else text.removesuffix("::").rstrip())
    return "\n\n".join(part for part in parts if part)


def _with_blanks(lines: Sequence[str]) -> Iterator[tuple[bool, str]]:
    """Tell of each line whether it is code: indented, or blank between such lines."""
    is_code = False
    for number, line in enumerate(lines):
        if line.strip():
            is_code = line.startswith("    ")
        else:
            following = next((other for other in lines[number:] if other.strip()), "")
            is_code = is_code and following.startswith("    ")
        yield is_code, line


def _fenced(code: str) -> str:
    return f"```{_language(code)}\n{code}\n```"


def _language(code: str) -> str:
    """A line of a report has a colon too, but does not begin with a key."""
    return "yaml" if re.match(r"[a-z_]+:(\s|$)", code) else "text"


def _facts(plugin: Plugin) -> Iterator[str]:
    if plugin.requires:
        yield f"- Requires: {_names(plugin.requires)}"
    if plugin.after:
        yield f"- Comes after: {_names(plugin.after)}"
    if isinstance(plugin, Check):
        yield f"- Severity: `{plugin.severity}`; a policy may say otherwise"
        yield f"- Side: {plugin.side}"
    if isinstance(plugin, Check | Stage):
        yield f"- Types of migration: {_names(sorted(plugin.types))}"
    if isinstance(plugin, ObjectKind):
        yield f"- Claims: {_names(plugin.entry_types) or 'no entry type of pg_dump'}"
        word = f"`{plugin.selector}`" if plugin.selector else "none: comes with the object that it belongs to"
        yield f"- Word in `include` and `exclude`: {word}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _options_part(plugin: Plugin) -> list[str]:
    rows = [option_row(option) for option in options_of(plugin.options)]
    return [table(("key", "value", "default", "meaning"), rows)] if rows else []
