"""Instances are looked up late, like secrets: at the moment when a route is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dtsrun.api import AccessContext, Instance, WantedInstance
from dtsrun.errors import PluginError
from dtsrun.spec.defaults import with_defaults
from dtsrun.spec.schema import KnownPlugins

DEFAULT: Final[Mapping[str, Any]] = {"type": "file", "path": "inventory.yaml"}
"""The inventory of an `access` that names none."""


def find_instance(
    inventory: Mapping[str, Any], wanted: WantedInstance, registry: KnownPlugins, context: AccessContext
) -> Instance:
    """Return what the inventory provider that a spec names knows of an instance; an empty mapping means the default.

    Raises:
        AccessError: the instance is not known, or may not be seen.
        PluginError: no plugin is such an inventory provider.
    """
    chosen = dict(inventory or DEFAULT)
    name = chosen.pop("type")
    for provider in registry.inventory_providers:
        if provider.short_name == name:
            return provider.find(wanted, with_defaults(provider.options, chosen), context)
    raise PluginError(f"no plugin is an inventory provider of the type {name}", hint="see `dtsrun plugins`")
