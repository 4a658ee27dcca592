"""A secret is asked of the plugin of its kind, at the moment when it is needed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dtsrun.api import AccessContext, SecretReference
from dtsrun.errors import PluginError
from dtsrun.registry import Registry
from dtsrun.spec.secrets import resolve

CONTEXT: Any = SimpleNamespace()


def test_a_plain_secret_is_itself(registry: Registry) -> None:
    context: AccessContext = CONTEXT
    assert resolve(SecretReference(kind="plain", value="geheim"), registry, context) == "geheim"


def test_the_plugin_of_the_kind_is_asked_anew_each_time(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretReference(kind="env", value="DTSRUN_TEST_SECRET")
    for value in ("one", "two"):
        monkeypatch.setenv("DTSRUN_TEST_SECRET", value)
        assert resolve(reference, registry, CONTEXT) == value


def test_a_kind_that_no_plugin_knows_is_named(registry: Registry) -> None:
    with pytest.raises(PluginError, match="no plugin resolves secrets of the kind vault"):
        resolve(SecretReference(kind="vault", value="x"), registry, CONTEXT)


def test_a_reference_does_not_show_its_value() -> None:
    assert "geheim" not in repr(SecretReference(kind="plain", value="geheim"))
