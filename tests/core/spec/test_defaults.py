"""Defaults of a schema are filled in where the user says nothing, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from dtsrun.spec.defaults import with_defaults

SCHEMA: dict[str, Any] = {
    "properties": {
        "port": {"default": 5432},
        "tls": {"default": {}, "properties": {"mode": {"default": "verify-full"}, "root": {}}},
        "jump": {"properties": {"port": {"default": 22}}},
        "hosts": {"items": {"properties": {"weight": {"default": 1}}}},
        "tags": {"default": []},
    }
}


@pytest.mark.parametrize(
    ("said", "filled"),
    [
        ({}, {"port": 5432, "tls": {"mode": "verify-full"}, "tags": []}),
        ({"port": None, "tags": ["x"]}, {"port": None, "tls": {"mode": "verify-full"}, "tags": ["x"]}),
        ({"tls": {"root": "a"}}, {"port": 5432, "tls": {"root": "a", "mode": "verify-full"}, "tags": []}),
        ({"jump": {}}, {"port": 5432, "tls": {"mode": "verify-full"}, "tags": [], "jump": {"port": 22}}),
        (
            {"hosts": [{}, {"weight": 3}], "tls": {"mode": "x"}},
            {"port": 5432, "tls": {"mode": "x"}, "tags": [], "hosts": [{"weight": 1}, {"weight": 3}]},
        ),
        ({"unknown": 1}, {"port": 5432, "tls": {"mode": "verify-full"}, "tags": [], "unknown": 1}),
    ],
)
def test_a_default_stands_where_nothing_is_said(said: Any, filled: Any) -> None:
    assert with_defaults(SCHEMA, said) == filled


def test_neither_the_schema_nor_what_was_said_is_changed() -> None:
    said: dict[str, Any] = {"tls": {}}
    filled = with_defaults(SCHEMA, said)
    filled["tags"].append("x")
    filled["tls"]["root"] = "y"
    assert said == {"tls": {}}
    assert with_defaults(SCHEMA, {})["tags"] == []


def test_a_schema_that_names_no_keys_fills_nothing() -> None:
    assert with_defaults({}, {"a": [1, {"b": None}]}) == {"a": [1, {"b": None}]}
    assert with_defaults({"type": "string"}, "x") == "x"
