"""`dtsrun test SPEC`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest

from dtsrun.api import ProbeResult, Route
from dtsrun.cli import main

SPEC = Template(
    """\
dtsrun: 1
task: {name: try}
source:
  type: postgresql
  access: {type: public_network, host: 127.0.0.1, port: $port, tls: {mode: disable}}
  account: $user
  password: {env: TRY_PASSWORD}
target:
  type: postgresql
  access: {type: public_network, host: 127.0.0.1, port: $other, tls: {mode: disable}}
  account: $user
  password: {env: TRY_PASSWORD}
migration: {type: full, objects: entire_instance}
"""
)


@pytest.fixture(autouse=True)
def password(source_route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that the spec refers to."""
    monkeypatch.setenv("TRY_PASSWORD", source_route.parameters.get("password", "unused"))


def spec_for(folder: Path, route: Route, other_port: str) -> Path:
    path = folder / "spec.yaml"
    values = {"port": route.parameters["port"], "user": route.parameters.get("user", "postgres")}
    path.write_text(SPEC.substitute(values, other=other_port))
    return path


def test_two_ends_that_answer(source_route: Route, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = spec_for(tmp_path, source_route, source_route.parameters["port"])
    assert main(["test", str(spec)]) == 0
    out = capsys.readouterr().out
    steps = [line.split()[:2] for line in out.splitlines() if " ok " in line and line.split()[1] in {"login", "line"}]
    assert steps == [["source", "login"], ["source", "line"], ["target", "login"], ["target", "line"]]
    assert "The selected tables hold" in out or "No rows are selected." in out


def test_quickly_no_line_is_measured(source_route: Route, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = spec_for(tmp_path, source_route, source_route.parameters["port"])
    assert main(["test", str(spec), "--quick", "--json"]) == 0
    steps = [json.loads(line)["step"] for line in capsys.readouterr().out.splitlines()]
    assert steps == ["open", "tcp", "login"] * 2


def test_what_the_copy_would_take_is_a_line_of_json(
    source_route: Route, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_for(tmp_path, source_route, source_route.parameters["port"])
    with spec.open("a") as stream:
        stream.write("resources: {rate_limit: 1kB/s}\n")
    assert main(["test", str(spec), "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    lines = [each for each in said if each["step"] == "line"]
    assert all(each["figures"]["bytes_per_second"] > 0 for each in lines)
    assert said[-1]["step"] == "estimate"
    assert said[-1]["bound"] == "rate_limit"
    assert said[-1]["bytes_per_second"] == 1024
    assert said[-1]["seconds"] == pytest.approx(said[-1]["bytes"] / 1024, abs=0.001)


def test_an_end_that_cannot_be_reached_is_told_with_its_cause(
    source_route: Route, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_for(tmp_path, source_route, "1")
    assert main(["test", str(spec)]) == 4
    failed = [line for line in capsys.readouterr().out.splitlines() if " failed " in line]
    assert len(failed) == 1
    assert failed[0].startswith("target")
    assert "(refused)" in failed[0]


def test_json_is_one_object_a_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def probes(path: Path, *, measure: bool) -> Iterator[ProbeResult]:
        yield ProbeResult(side="source", step="tcp", status="ok", seconds=0.5, message="db:5432")
        yield ProbeResult(side="source", step="login", status="failed", seconds=0.5, message="no", cause="tls")

    monkeypatch.setattr("dtsrun.cli.test.try_both_ends", probes)
    assert main(["test", str(tmp_path / "spec.yaml"), "--json"]) == 4
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["status"] == "ok"
    assert second["cause"] == "tls"
