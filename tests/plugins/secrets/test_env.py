"""A password can come from an environment variable."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from dtsrun.errors import AccessError
from dtsrun_plugins.secrets.env import EnvSecret

NAME = "DTSRUN_TEST_SECRET"


@pytest.mark.parametrize("value", ["geheim", " blanks count ", "with\nlines", "ü'\"$%"])
def test_the_value_is_used_as_it_stands(monkeypatch: pytest.MonkeyPatch, context: Any, value: str) -> None:
    monkeypatch.setenv(NAME, value)
    assert EnvSecret().resolve(NAME, context) == value


def test_a_variable_that_is_not_set_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    monkeypatch.delenv(NAME, raising=False)
    with pytest.raises(AccessError, match=f"the environment variable {NAME} is not set") as caught:
        EnvSecret().resolve(NAME, context)
    assert caught.value.hint == f"export {NAME} before the run"


def test_an_empty_variable_is_no_password(monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    monkeypatch.setenv(NAME, "")
    with pytest.raises(AccessError, match="is empty"):
        EnvSecret().resolve(NAME, context)


@pytest.mark.parametrize(("value", "is_right"), [("A_B", True), ("", False), ("A=b", False), (5, False), (None, False)])
def test_the_form_of_the_reference(value: Any, is_right: bool) -> None:
    assert jsonschema.Draft202012Validator(EnvSecret.options).is_valid(value) is is_right
