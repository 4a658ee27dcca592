"""The task's log: everything in its own file, nothing on the terminal, no secret anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from dtsrun.task_log import HIDDEN, configure_task_log, hide_secrets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks" / "shop" / "log.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_event_is_a_line_with_its_time_and_level(path: Path) -> None:
    with configure_task_log(path):
        structlog.get_logger(task="shop").info("step started", step="shop/copy/t", epoch=1)
    (line,) = lines(path)
    at = line.pop("at")
    assert at.endswith("Z")
    assert line == {"task": "shop", "step": "shop/copy/t", "epoch": 1, "event": "step started", "level": "info"}


def test_nothing_goes_to_the_terminal(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with configure_task_log(path):
        structlog.get_logger().warning("careful")
    assert capfd.readouterr() == ("", "")


def test_a_logger_that_was_made_before_writes_too(path: Path) -> None:
    logger = structlog.get_logger(task="early")
    with configure_task_log(path):
        logger.info("hello")
    assert lines(path)[0]["task"] == "early"


def test_two_tasks_of_one_process_have_two_files(tmp_path: Path) -> None:
    logger = structlog.get_logger()
    for name in ("one", "two"):
        with configure_task_log(tmp_path / name):
            logger.info(name)
    assert [line["event"] for line in lines(tmp_path / "one")] == ["one"]
    assert [line["event"] for line in lines(tmp_path / "two")] == ["two"]


def test_a_second_run_adds_to_the_file(path: Path) -> None:
    for number in (1, 2):
        with configure_task_log(path):
            structlog.get_logger().info("run", number=number)
    assert [line["number"] for line in lines(path)] == [1, 2]


def test_the_file_is_its_owners_alone(path: Path) -> None:
    with configure_task_log(path):
        structlog.get_logger().info("hello")
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_configured_before_comes_back(path: Path) -> None:
    before = structlog.get_config()
    with pytest.raises(ZeroDivisionError), configure_task_log(path):
        raise ZeroDivisionError
    assert structlog.get_config() == before


def test_a_traceback_stays_on_its_line(path: Path) -> None:
    with configure_task_log(path):
        try:
            raise ValueError("boom")
        except ValueError:
            structlog.get_logger().exception("it failed")
    (line,) = lines(path)
    assert "ValueError: boom" in line["exception"]


def test_values_that_json_does_not_know_are_written_as_text(path: Path) -> None:
    with configure_task_log(path):
        structlog.get_logger().info("odd", path=Path("/x"), parts=(1, {"a"}))
    (line,) = lines(path)
    assert line["path"] == "/x"
    assert line["parts"] == [1, ["a"]]


@pytest.mark.parametrize("key", ["password", "PASSWORD", "source_password", "secret", "token", "passfile"])
def test_a_value_under_a_telling_name_is_hidden(path: Path, key: str) -> None:
    with configure_task_log(path):
        structlog.get_logger().info("connect", **{key: "hunter2"}, route={"inner": {key: "hunter2"}})
    assert "hunter2" not in path.read_text()
    assert lines(path)[0][key] == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "host=db password=hunter2 user=me",
        "host=db password='hunter2 with \\' quote' user=me",
        "sslpassword = hunter2",
        "postgresql://me:hunter2@db/shop",
        "postgres://:hunter2@db/shop",
        "CREATE ROLE a LOGIN PASSWORD 'hunter2'",
        "alter role a with password 'it''s hunter2'",
    ],
)
def test_a_password_inside_a_text_is_hidden(text: str) -> None:
    hidden = hide_secrets(text)
    assert "hunter2" not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize(
    "text",
    [
        'password authentication failed for user "me"',
        "the password of role app was not readable",
        "postgresql://db.example.com:5432/shop",
        "2026-11-22 14:03:11 step shop/copy/public.passwords done",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert hide_secrets(text) == text


def test_secrets_in_messages_exceptions_and_lists_are_hidden(path: Path) -> None:
    with configure_task_log(path):
        try:
            raise ValueError("password=hunter2")
        except ValueError:
            structlog.get_logger().exception("cannot use password=hunter2", tried=["password=hunter2"])
    assert "hunter2" not in path.read_text()
