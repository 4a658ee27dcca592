"""`dtsrun list`."""

from __future__ import annotations

import json

import pytest

from dtsrun.cli import main


def test_tasks_are_listed_with_state_and_progress(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("task")
    assert line.split()[:4] == [task, "paused", "full", "just"]
    assert "50%" in line
    assert "1/2" in line


def test_json_has_the_figures(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["name"], line["steps"], line["done"], line["bytes"], line["fraction"]) == (task, 2, 1, 900, 0.5)


def test_without_tasks_the_list_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "no task was ever run here; begin with: dtsrun SPEC\n"


def test_without_tasks_json_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
