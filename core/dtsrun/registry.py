"""From entry points and local files to declared, checked and ordered plugins. Fails closed.

A linter may skip a plugin that does not import; a migration may not. Whatever is wrong with a plugin stops before any
connection is made, and the message names the distribution to blame.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pluggy

from dtsrun.api.hooks import ENTRY_POINT_GROUP, PROJECT, Hooks
from dtsrun.api.incremental import Engine
from dtsrun.api.plugins import AccessType, Gate, InventoryProvider, ObjectKind, Plugin, Precheck, Secret, Stage
from dtsrun.api.throttles import Throttle
from dtsrun.errors import PluginError
from dtsrun.graph import CycleError, topological_order

_NAME: Final = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of plugin: its name, the class that authors extend, and the hook that hands its members in."""

    name: str
    base: type[Plugin]
    hook: str


FAMILIES: Final = (
    Family("access", AccessType, "dtsrun_access_types"),
    Family("inventory", InventoryProvider, "dtsrun_inventory_providers"),
    Family("secret", Secret, "dtsrun_secrets"),
    Family("precheck", Precheck, "dtsrun_prechecks"),
    Family("object", ObjectKind, "dtsrun_object_kinds"),
    Family("stage", Stage, "dtsrun_stages"),
    Family("engine", Engine, "dtsrun_engines"),
    Family("gate", Gate, "dtsrun_gates"),
    Family("throttle", Throttle, "dtsrun_throttles"),
)


@dataclass(frozen=True, slots=True)
class Registry:
    """All plugins, in the order of their graph."""

    plugins: Mapping[str, Plugin]
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def access_types(self) -> tuple[AccessType, ...]:
        """Ways to reach a server."""
        return tuple(p for p in self.plugins.values() if isinstance(p, AccessType))

    @property
    def inventory_providers(self) -> tuple[InventoryProvider, ...]:
        """What knows the addresses of instances."""
        return tuple(p for p in self.plugins.values() if isinstance(p, InventoryProvider))

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Kinds of reference to a password."""
        return tuple(p for p in self.plugins.values() if isinstance(p, Secret))

    @property
    def prechecks(self) -> tuple[Precheck, ...]:
        """Checks."""
        return tuple(p for p in self.plugins.values() if isinstance(p, Precheck))

    @property
    def object_kinds(self) -> tuple[ObjectKind, ...]:
        """Kinds of object."""
        return tuple(p for p in self.plugins.values() if isinstance(p, ObjectKind))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Stages of the work."""
        return tuple(p for p in self.plugins.values() if isinstance(p, Stage))

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Ways to carry changes."""
        return tuple(p for p in self.plugins.values() if isinstance(p, Engine))

    @property
    def gates(self) -> tuple[Gate, ...]:
        """What has to be right before a cutover."""
        return tuple(p for p in self.plugins.values() if isinstance(p, Gate))

    @property
    def throttles(self) -> tuple[Throttle, ...]:
        """What copies give way to."""
        return tuple(p for p in self.plugins.values() if isinstance(p, Throttle))

    def get(self, name: str) -> Plugin:
        """Return a plugin by its full name. Raises PluginError with the nearest names."""
        try:
            return self.plugins[name]
        except KeyError:
            near = get_close_matches(name, self.plugins, n=3)
            raise PluginError(
                f"there is no plugin {name!r}", hint=f"did you mean {' or '.join(near)}?" if near else None
            ) from None

    def origin(self, name: str) -> str:
        """Return the distribution (or local file) that a plugin comes from."""
        return self.origins[name]


def load_registry(local_files: Sequence[Path] = ()) -> Registry:
    """Load every plugin that is installed or named by the spec.

    Raises:
        PluginError: one does not import, does not keep the contract, is doubled, misses another, or is in a cycle.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    for point in sorted(set(entry_points(group=ENTRY_POINT_GROUP)), key=lambda p: p.value):
        _register(manager, lambda p=point: p.load(), _distribution(point))  # type: ignore[misc]
    for path in local_files:
        _register(manager, lambda p=path: _import_file(p), str(path))  # type: ignore[misc]
    return build_registry(_declared(manager))


def build_registry(declared: Iterable[tuple[str, Family, Any]]) -> Registry:
    """Check and order what distributions declare: (origin, family, class)."""
    plugins: dict[str, Plugin] = {}
    origins: dict[str, str] = {}
    for origin, family, declared_class in declared:
        plugin = _instance(origin, family, declared_class)
        if plugin.name in plugins:
            raise PluginError(f"{plugin.name} is declared twice: by {origins[plugin.name]} and by {origin}")
        plugins[plugin.name] = plugin
        origins[plugin.name] = origin
    _check_requirements(plugins, origins)
    _check_claims(plugins, origins)
    return Registry({name: plugins[name] for name in _order(plugins, origins)}, origins)


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _register(manager: pluggy.PluginManager, load: Callable[[], object], origin: str) -> None:
    try:
        manager.register(load(), name=origin)
        manager.check_pending()
    except Exception as error:
        raise _broken(origin, error) from error


def _broken(origin: str, error: Exception) -> PluginError:
    return PluginError(
        f"a plugin of {origin} cannot be loaded: {type(error).__name__}: {error}",
        hint="mend or uninstall it: a migration does not run with a part missing",
    )


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(path)
    name = f"dtsrun_local_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _declared(manager: pluggy.PluginManager) -> Iterable[tuple[str, Family, Any]]:
    for family in FAMILIES:
        for implementation in getattr(manager.hook, family.hook).get_hookimpls():
            for declared_class in _handed_in(implementation):
                yield implementation.plugin_name, family, declared_class


def _handed_in(implementation: pluggy.HookImpl) -> Sequence[Any]:
    try:
        return tuple(implementation.function())  # type: ignore[arg-type] # a hook that yields is not ours
    except Exception as error:
        raise _broken(implementation.plugin_name, error) from error


def _instance(origin: str, family: Family, declared_class: Any) -> Plugin:
    if not (isinstance(declared_class, type) and issubclass(declared_class, family.base)):
        raise PluginError(f"{origin} hands in {declared_class!r}, which is no {family.base.__name__}")
    name = getattr(declared_class, "name", "")
    if not _NAME.fullmatch(name) or name.partition(".")[0] != family.name:
        raise PluginError(f"{origin} names a plugin {name!r}; expected {family.name}.<name> in lower case")
    try:
        return declared_class()
    except Exception as error:
        raise PluginError(f"{name} of {origin} cannot be made: {type(error).__name__}: {error}") from error


def _check_requirements(plugins: Mapping[str, Plugin], origins: Mapping[str, str]) -> None:
    for name, plugin in plugins.items():
        for required in plugin.requires:
            if required not in plugins:
                raise PluginError(f"{name} of {origins[name]} requires {required}, which no distribution provides")


def _check_claims(plugins: Mapping[str, Plugin], origins: Mapping[str, str]) -> None:
    claims: dict[str, str] = {}
    for name, plugin in plugins.items():
        if not isinstance(plugin, ObjectKind):
            continue
        words = [*plugin.entry_types, *([f"selector {plugin.selector}"] if plugin.selector else [])]
        for word in words:
            if word in claims:
                other = claims[word]
                raise PluginError(
                    f"{word} is claimed twice: by {other} of {origins[other]} and {name} of {origins[name]}"
                )
            claims[word] = name


def _order(plugins: Mapping[str, Plugin], origins: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return topological_order({name: (*p.requires, *p.after) for name, p in plugins.items()})
    except CycleError as error:
        guilty = ", ".join(sorted({origins[name] for name in error.cycle}))
        raise PluginError(f"plugins wait for each other: {error} (from {guilty})") from error
