"""The built-in plugins, handed in through the same entry point as anybody else's."""

from __future__ import annotations

from collections.abc import Sequence

from dtsrun.api import (
    AccessType,
    Engine,
    Gate,
    InventoryProvider,
    ObjectKind,
    Precheck,
    Secret,
    Stage,
    Throttle,
    hookimpl,
)


@hookimpl
def dtsrun_access_types() -> Sequence[type[AccessType]]:
    """Ways to reach a server."""
    from dtsrun_plugins.access import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_inventory_providers() -> Sequence[type[InventoryProvider]]:
    """What knows the addresses of instances."""
    from dtsrun_plugins.inventory_providers import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_secrets() -> Sequence[type[Secret]]:
    """Kinds of reference to a password."""
    from dtsrun_plugins.secrets import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_prechecks() -> Sequence[type[Precheck]]:
    """Things to check before anything is moved."""
    from dtsrun_plugins.prechecks import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_object_kinds() -> Sequence[type[ObjectKind]]:
    """Kinds of object that a database holds."""
    from dtsrun_plugins.objects import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_stages() -> Sequence[type[Stage]]:
    """Stages of the work."""
    from dtsrun_plugins.stages import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_engines() -> Sequence[type[Engine]]:
    """Ways to carry changes."""
    from dtsrun_plugins.engines import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_gates() -> Sequence[type[Gate]]:
    """Things that have to be right before a cutover."""
    from dtsrun_plugins.gates import PLUGINS

    return PLUGINS


@hookimpl
def dtsrun_throttles() -> Sequence[type[Throttle]]:
    """Signals of a server's health."""
    from dtsrun_plugins.throttles import PLUGINS

    return PLUGINS
