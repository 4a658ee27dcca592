"""A password can come from a command's output."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dtsrun.errors import AccessError
from dtsrun_plugins.secrets.command import CommandSecret


@pytest.fixture
def hasty() -> CommandSecret:
    """A secret that waits for a fifth of a second only."""
    secret = CommandSecret()
    secret.timeout = 0.2
    return secret


def refusal(argv: list[str], context: Any, secret: CommandSecret | None = None) -> AccessError:
    with pytest.raises(AccessError) as caught:
        (secret or CommandSecret()).resolve(argv, context)
    return caught.value


@pytest.mark.parametrize(
    ("argv", "secret"),
    [
        (["echo", "geheim"], "geheim"),
        (["printf", "geheim"], "geheim"),
        (["printf", "geheim\\r\\n"], "geheim"),
        (["printf", "two\\nlines\\n\\n"], "two\nlines\n"),
        (["echo", "$HOME;", "`id`", "*"], "$HOME; `id` *"),
    ],
)
def test_the_output_is_the_secret_and_no_shell_reads_the_arguments(context: Any, argv: list[str], secret: str) -> None:
    assert CommandSecret().resolve(argv, context) == secret


def test_it_runs_in_the_folder_of_the_spec(context: Any, tmp_path: Path) -> None:
    assert CommandSecret().resolve(["pwd"], context) == str(tmp_path)


def test_it_has_no_standard_input_to_wait_for(context: Any) -> None:
    assert CommandSecret().resolve(["sh", "-c", "cat; echo geheim"], context) == "geheim"


def test_neither_output_nor_standard_error_of_a_failure_is_shown(
    context: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refusal(["sh", "-c", "echo geheim; echo geheim >&2; exit 3"], context)
    assert str(error) == "the secret command sh ended with status 3"
    assert "run it by hand" in str(error.hint)
    assert "geheim" not in "".join(capfd.readouterr())


def test_a_program_that_is_not_there_is_named(context: Any) -> None:
    assert str(refusal(["dtsrun-no-such-program"], context)) == (
        "the secret command dtsrun-no-such-program cannot be started: no such file or directory"
    )


def test_arguments_that_no_program_can_get_are_refused(context: Any) -> None:
    assert "its arguments are not allowed" in str(refusal(["echo", "a\0b"], context))


@pytest.mark.parametrize(("script", "message"), [("true", "printed nothing"), ("printf '\\377'", "is not UTF-8")])
def test_output_that_is_no_password_is_refused(context: Any, script: str, message: str) -> None:
    assert message in str(refusal(["sh", "-c", script], context))


@pytest.mark.parametrize("script", ["echo geheim; sleep 30", "sleep 30 & echo geheim; wait", "sleep 30 & echo geheim"])
def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(
    context: Any, hasty: CommandSecret, script: str
) -> None:
    begun = time.monotonic()
    error = refusal(["sh", "-c", script], context, hasty)
    assert str(error) == "the secret command sh did not end within 0.2 seconds"
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("value", "is_right"), [(["pass", "show"], True), ([], False), ("pass", False), ([1], False)])
def test_the_form_of_the_reference(value: Any, is_right: bool) -> None:
    assert jsonschema.Draft202012Validator(CommandSecret.options).is_valid(value) is is_right
