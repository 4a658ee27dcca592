"""The page on every key of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from dtsrun.report.pages import Option, options_of, type_text
from dtsrun.report.reference.markdown import option_row, page, table

ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access": "[access type](access/index.md)",
        "inventory": "[inventory provider](inventory/index.md)",
        "secret": "[secret](secrets/index.md)",
        "kinds": "[options of object kinds](objects/index.md)",
        "stages": "[options of stages](stages/index.md)",
        "checks": "[severity and options of checks](prechecks/index.md)",
        "pattern": "[pattern](objects/index.md)",
        "check_name": "[check](prechecks/index.md)",
    }
)
"""Parts of the schema that plugins make: their pages say more than a table could."""


def schema_page(schema: Mapping[str, Any]) -> str:
    """Return every key of a spec; the options of plugins stand on their own pages."""
    definitions: Mapping[str, Any] = schema["$defs"]
    parts = [
        "What [the spec](spec.md) explains, key by key. `dtsrun schema` prints the JSON Schema itself, with the options"
        " of all plugins that are installed.",
        *_keys("The file", schema, definitions),
    ]
    for name, part in definitions.items():
        if _has_section(name, part):
            parts += _keys(name, part, definitions)
    return page("# Keys of a spec", *parts)


def _has_section(name: str, part: Any) -> bool:
    return isinstance(part, Mapping) and bool(part.get("properties")) and name.partition(".")[0] not in ELSEWHERE


def _keys(title: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[str]:
    rows = [_key_row(schema, option, definitions) for option in options_of(schema)]
    return [f"## {title}", table(("key", "value", "default", "meaning"), rows)]


def _key_row(schema: Mapping[str, Any], option: Option, definitions: Mapping[str, Any]) -> tuple[str, ...]:
    part: Any = schema
    for name in option.path.split("."):
        part = part["properties"][name]
    key, _, default, meaning = option_row(option)
    return (key, _value(part, definitions), default, meaning)


def _value(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return what a value may be; what another definition says is linked, unless it is short."""
    if "$ref" in part:
        name = str(part["$ref"]).rpartition("/")[2]
        if name in ELSEWHERE:
            return ELSEWHERE[name]
        return f"[{name}](#{name})" if definitions[name].get("properties") else type_text(definitions[name])
    if part.get("type") == "array":
        return f"list of {_value(part['items'], definitions)}"
    for word in ("anyOf", "oneOf"):
        if word in part and "type" not in part:
            return " | ".join(_value(choice, definitions) for choice in part[word])
    return type_text(part)
