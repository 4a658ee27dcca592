"""A registry of a few small plugins, and a valid spec to spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dtsrun.api import AccessType, ObjectKind, Precheck, Secret, Spec, Stage, Throttle
from dtsrun.registry import Registry
from dtsrun.spec import InvalidSpec, parse_spec
from dtsrun_plugins.secrets import PLUGINS as SECRETS


class Network(AccessType):
    """Over the network"""

    name = "access.network"
    options = {
        "properties": {
            "host": {"description": "Name or address.", "type": "string"},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 5432},
            "tls": {
                "type": "object",
                "default": {},
                "properties": {"mode": {"enum": ["verify-full", "require"], "default": "verify-full"}},
            },
            "passphrase": {"type": "string", "minLength": 8},
            "pin": {"type": "string", "minLength": 8, "writeOnly": True},
        },
        "required": ["host"],
    }

    def open(self, endpoint: Any, context: Any) -> Any:
        raise AssertionError("a spec is read without any connection")


class Local(Network):
    """A service, or a socket"""

    name = "access.local"
    options = {
        "properties": {"service": {"type": "string"}, "socket": {"type": "string"}},
        "oneOf": [{"required": ["service"]}, {"required": ["socket"]}],
    }


class Tables(ObjectKind):
    """Tables"""

    name = "object.tables"
    selector = "table"


class LargeObjects(ObjectKind):
    """Large objects"""

    name = "object.large_objects"
    options = {"properties": {"batch": {"type": "integer", "minimum": 1, "default": 100}}}


class Verify(Stage):
    """Comparison of both ends"""

    name = "stage.verify"
    options = {"properties": {"mode": {"enum": ["full", "rows", "none"], "default": "full"}}}

    def plan(self, context: Any) -> Any:
        return ()


class Jobs(Throttle):
    """Jobs that wait."""

    name = "throttle.jobs"
    options = {
        "required": ["limit"],
        "properties": {
            "limit": {"type": "string", "format": "dtsrun-size", "description": "Jobs that may wait."},
            "ages": {"type": "array", "items": {"type": "string", "format": "dtsrun-duration"}, "description": "Some."},
            "patience": {"type": "string", "format": "dtsrun-duration", "default": "30s", "description": "Ours."},
        },
    }

    def look(self, context: Any) -> Any:
        raise NotImplementedError


class TargetSpace(Precheck):
    """Room on the target"""

    name = "precheck.target_space"
    options = {"properties": {"ratio": {"type": "number", "default": 1.2}}}

    def check(self, context: Any) -> Any:
        return ()


BASE = """\
dtsrun: 1
task: {name: shop}
source:
  type: postgresql
  access: {type: network, host: old.example.com}
target:
  type: postgresql
  access: {type: network, host: new.example.com}
migration: {type: full, objects: entire_instance}
"""


def made_registry(*more: Any) -> Registry:
    kinds = (Network, Local, *SECRETS, TargetSpace, Tables, LargeObjects, Verify, Jobs, *more)
    plugins = [kind() for kind in kinds]
    assert all(isinstance(plugin, AccessType | Secret | Precheck | ObjectKind | Stage | Throttle) for plugin in plugins)
    return Registry({plugin.name: plugin for plugin in plugins})


@pytest.fixture(scope="session")
def registry() -> Registry:
    return made_registry()


@pytest.fixture(scope="session")
def registry_with() -> Callable[..., Registry]:
    return made_registry


@pytest.fixture
def base() -> str:
    """The text of a valid spec."""
    return BASE


@pytest.fixture
def spoiled() -> Callable[..., str]:
    """Return the valid spec with values put in by path: `spoiled({"source.access.port": 1})`."""

    def spoil(changes: dict[str, Any]) -> str:
        data = yaml.safe_load(BASE)
        for path, value in changes.items():
            *parents, last = path.split(".")
            inner = data
            for part in parents:
                inner = inner.setdefault(part, {})
            inner[last] = value
        return yaml.safe_dump(data, sort_keys=False)

    return spoil


@pytest.fixture
def read(registry: Registry, tmp_path: Path) -> Callable[[str | bytes], Spec]:
    """Read a spec's text as if it stood in `spec.yaml` of an empty folder."""
    return lambda text: parse_spec(text, path=tmp_path / "spec.yaml", registry=registry)


@pytest.fixture
def complaints(registry: Registry) -> Callable[[str | bytes], list[str]]:
    """Return the lines of what is wrong with a text, without the file's name."""

    def complain(text: str | bytes) -> list[str]:
        with pytest.raises(InvalidSpec) as caught:
            parse_spec(text, path=Path("spec.yaml"), registry=registry)
        return [str(violation).removeprefix("spec.yaml:") for violation in caught.value.violations]

    return complain
