"""`dtsrun plan SPEC`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import (
    Endpoint,
    Inventory,
    Lane,
    MigrationType,
    Selection,
    ServerFacts,
    Spec,
    Step,
    TaskSettings,
)
from dtsrun.cli import main
from dtsrun.plan import Plan


@pytest.fixture(autouse=True)
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan of fifty steps, without servers."""
    steps = [
        Step(
            key=f"shop/full/t{number}",
            stage="full",
            plugin="object.tables",
            action="copy",
            database="shop",
            title=f"copy t{number}",
            size=1024,
            lane=Lane.COPY,
        )
        for number in range(50)
    ]
    end: dict[str, Any] = {"access_type": "service", "access": {}, "account": None, "password": None, "region": None}
    spec = Spec(
        path=Path("shop.yaml"),
        task=TaskSettings(name="shop"),
        source=Endpoint(side="source", **end),
        target=Endpoint(side="target", **end),
        migration_type=MigrationType.FULL,
        selection=Selection(entire_instance=True),
    )
    facts = ServerFacts(version=160014, version_text="16", current_user="u", is_superuser=True, bootstrap_role="p")
    plan = Plan({step.key: step for step in steps}, tuple(step.key for step in steps))

    @contextmanager
    def open_plan(path: Path) -> Iterator[tuple[Spec, None, Inventory, Plan]]:
        yield spec, None, Inventory(server=facts, databases={}), plan

    monkeypatch.setattr("dtsrun.cli.plan.open_plan", open_plan)


def test_the_plan_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "shop.yaml"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("shop: 50 steps, 50.0 kB to copy\n")
    assert "and 10 steps more (--all lists them)" in out


def test_all_steps_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "shop.yaml", "--all"]) == 0
    assert "shop: copy t49" in capsys.readouterr().out


def test_json_has_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "shop.yaml", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["steps"]) == 50


@pytest.mark.parametrize(("language", "first"), [("mermaid", "flowchart LR"), ("dot", "digraph plan {")])
def test_the_graph_alone_is_printed(language: str, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "shop.yaml", "--graph", language]) == 0
    assert capsys.readouterr().out.splitlines()[0] == first


def test_a_graph_has_no_other_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", "shop.yaml", "--graph", "dot", "--format", "json"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
