"""The reference in Markdown, made from what plugins, commands, errors and the schema say of themselves.

Every function returns text and knows of no file; `dtsrun.cli.reference` writes them below `docs/reference`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Final

from dtsrun.registry import FAMILIES, Registry
from dtsrun.report.pages import FAMILY_WORDS
from dtsrun.report.reference.commands import commands_page, exit_codes_page
from dtsrun.report.reference.hooks import hooks_page
from dtsrun.report.reference.markdown import NOTICE, page, table
from dtsrun.report.reference.plugins import FOLDERS, family_page, page_of, plugin_page
from dtsrun.report.reference.schema import schema_page
from dtsrun.report.reference.states import states_page

__all__ = ["NOTICE", "pages"]

OTHERS: Final = (
    ("spec.md", "what a user writes, explained"),
    ("schema.md", "every key of a spec and of a policy"),
    ("commands.md", "every command with its arguments"),
    ("states.md", "states of a task, and what each allows"),
    ("exit-codes.md", "what the shell sees, and what it means"),
    ("environment.md", "environment variables, and the folders that dtsrun uses"),
    ("hooks.md", "the contracts of plugins"),
)
"""Pages that are not about plugins."""


def pages(registry: Registry, parser: argparse.ArgumentParser, schema: Mapping[str, Any]) -> dict[str, str]:
    """Return every page by its path below the folder of the reference.

    Args:
        registry: whose plugins are described, all of them.
    """
    found = {page_of(plugin): plugin_page(plugin) for plugin in registry.plugins.values()}
    for family in FAMILIES:
        found[f"{FOLDERS[family.name]}/index.md"] = family_page(family, registry)
    return {
        **found,
        "index.md": index_page(registry),
        "hooks.md": hooks_page(),
        "commands.md": commands_page(parser),
        "states.md": states_page(),
        "exit-codes.md": exit_codes_page(),
        "schema.md": schema_page(schema),
    }


def index_page(registry: Registry) -> str:
    """Return the list of all pages of the reference."""
    parts = ["# Reference", table(("page", "what it holds"), [(f"[{path}]({path})", words) for path, words in OTHERS])]
    for family in FAMILIES:
        members = [plugin for plugin in registry.plugins.values() if isinstance(plugin, family.base)]
        links = ", ".join(f"[{plugin.short_name}]({page_of(plugin)})" for plugin in members)
        parts += [f"## [{FAMILY_WORDS[family.name]}]({FOLDERS[family.name]}/index.md)", links]
    return page(*parts)
