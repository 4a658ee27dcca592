"""`dtsrun show TASK`."""

from __future__ import annotations

import json

import pytest

from dtsrun.cli import main


def test_a_task_is_shown_with_its_stages_and_what_to_do(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", task]) == 0
    out = capsys.readouterr().out
    assert out.startswith("shop: paused after ")
    assert "  full   1/2" in out
    assert "- run `dtsrun shop.yaml` or `dtsrun resume shop` to go on: what is finished is kept" in out


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"]])
def test_json_is_the_whole_report(task: str, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", task, *option]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["rows"] == 7


def test_the_page_can_be_made_again_at_any_time(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", task, "--format", "html"]) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>\n<html")


def test_an_unknown_task_is_an_error_that_names_the_others(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "shp"]) == 2
    assert capsys.readouterr().err == "dtsrun: there is no task 'shp'\n  hint: tasks: shop\n"
