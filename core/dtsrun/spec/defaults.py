"""Defaults of a schema, filled into what the user wrote."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def with_defaults(schema: Mapping[str, Any], value: Any) -> Any:
    """Return a copy of the value in which every key that is left out and has a default stands with it.

    A nested mapping that is left out appears only if it has a default itself (`{}` is one); then its own keys follow.
    """
    if isinstance(value, Mapping):
        return _mapping_with_defaults(schema.get("properties", {}), value)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [with_defaults(schema["items"], item) for item in value]
    return copy.deepcopy(value)


def _mapping_with_defaults(properties: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: schema for key, schema in properties.items() if isinstance(schema, Mapping)}
    left_out = {key: schema["default"] for key, schema in known.items() if key not in value and "default" in schema}
    return {key: with_defaults(known.get(key, {}), item) for key, item in {**value, **left_out}.items()}
