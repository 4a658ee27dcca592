"""The spec: YAML with the place of everything, the JSON Schema composed from core and plugins, the frozen model."""

from dtsrun.spec.document import Document, read_document
from dtsrun.spec.model import load_spec, local_plugins, parse_spec
from dtsrun.spec.schema import KnownPlugins, compose_policy_schema, compose_schema
from dtsrun.spec.violations import InvalidSpec, Violation

__all__ = [
    "Document",
    "InvalidSpec",
    "KnownPlugins",
    "Violation",
    "compose_policy_schema",
    "compose_schema",
    "load_spec",
    "local_plugins",
    "parse_spec",
    "read_document",
]
