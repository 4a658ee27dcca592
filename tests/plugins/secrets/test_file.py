"""A password can come from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dtsrun.errors import AccessError
from dtsrun_plugins.secrets.file import MAX_BYTES, FileSecret


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"geheim", "geheim"),
        (b"geheim\n", "geheim"),
        (b"geheim\r\n", "geheim"),
        (b"geheim\n\n", "geheim\n"),
        (b" geheim \n", " geheim "),
        ("schlüssel\n".encode(), "schlüssel"),
    ],
)
def test_one_line_break_at_the_end_is_left_out_and_all_else_counts(
    file: Path, context: Any, content: bytes, secret: str
) -> None:
    file.write_bytes(content)
    assert FileSecret().resolve(str(file), context) == secret


def test_a_relative_path_starts_at_the_folder_of_the_spec(file: Path, context: Any) -> None:
    file.write_text("geheim", "utf-8")
    assert FileSecret().resolve("secret", context) == "geheim"


def test_a_file_that_others_can_read_is_accepted(file: Path, context: Any) -> None:
    file.write_text("geheim", "utf-8")
    file.chmod(0o644)
    assert FileSecret().resolve("secret", context) == "geheim"


def test_a_file_that_is_not_there_is_named(file: Path, context: Any) -> None:
    with pytest.raises(AccessError, match=r"the secret file .*/secret cannot be read: no such file"):
        FileSecret().resolve("secret", context)


@pytest.mark.parametrize("value", [".", "a\0b"])
def test_what_is_no_file_is_an_access_error(context: Any, value: str) -> None:
    with pytest.raises(AccessError, match="cannot be read"):
        FileSecret().resolve(value, context)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_file_is_no_password(file: Path, context: Any, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(AccessError, match="is empty"):
        FileSecret().resolve("secret", context)


@pytest.mark.parametrize(
    ("content", "message"), [(b"geheim\xff", "is not UTF-8"), (b"geheim" * MAX_BYTES, "is larger than 64 kB")]
)
def test_what_cannot_be_a_password_is_refused_without_showing_it(
    file: Path, context: Any, content: bytes, message: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(AccessError, match=message) as caught:
        FileSecret().resolve("secret", context)
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("value", "is_right"), [("/run/secrets/x", True), ("", False), (["x"], False)])
def test_the_form_of_the_reference(value: Any, is_right: bool) -> None:
    assert jsonschema.Draft202012Validator(FileSecret.options).is_valid(value) is is_right
