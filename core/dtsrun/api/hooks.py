"""The hooks through which a distribution hands its plugins to dtsrun.

A distribution declares an entry point of the group `dtsrun` that names a module; the module implements any of these
hooks with `@hookimpl`. Each returns classes, never instances, and the order in which hooks are called means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from dtsrun.api.incremental import Engine
    from dtsrun.api.plugins import AccessType, Gate, InventoryProvider, ObjectKind, Precheck, Secret, Stage
    from dtsrun.api.throttles import Throttle

PROJECT = "dtsrun"
ENTRY_POINT_GROUP = "dtsrun"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The specification of all hooks."""

    @hookspec
    def dtsrun_access_types(self) -> Sequence[type[AccessType]]:
        """Ways to reach a server."""
        raise NotImplementedError

    @hookspec
    def dtsrun_inventory_providers(self) -> Sequence[type[InventoryProvider]]:
        """What knows the addresses of instances."""
        raise NotImplementedError

    @hookspec
    def dtsrun_secrets(self) -> Sequence[type[Secret]]:
        """Kinds of reference to a password."""
        raise NotImplementedError

    @hookspec
    def dtsrun_prechecks(self) -> Sequence[type[Precheck]]:
        """Things to check before anything is moved."""
        raise NotImplementedError

    @hookspec
    def dtsrun_object_kinds(self) -> Sequence[type[ObjectKind]]:
        """Kinds of object that a database holds."""
        raise NotImplementedError

    @hookspec
    def dtsrun_stages(self) -> Sequence[type[Stage]]:
        """Stages of the work."""
        raise NotImplementedError

    @hookspec
    def dtsrun_engines(self) -> Sequence[type[Engine]]:
        """Ways to carry the changes of a source in use to the target."""
        raise NotImplementedError

    @hookspec
    def dtsrun_gates(self) -> Sequence[type[Gate]]:
        """Things that have to be right before the cutover of a source in use."""
        raise NotImplementedError

    @hookspec
    def dtsrun_throttles(self) -> Sequence[type[Throttle]]:
        """Signals of a server's health that copies give way to."""
        raise NotImplementedError
