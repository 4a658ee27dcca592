"""`dtsrun plugins`."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from dtsrun.cli import main
from dtsrun.registry import load_registry

LOCAL = '''
from dtsrun.api import Precheck, hookimpl


class Pci(Precheck):
    """No card number is stored in plain"""

    name = "precheck.pci"

    def check(self, context):
        return ()


@hookimpl
def dtsrun_prechecks():
    return (Pci,)
'''


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec that names a plugin file of its own."""
    (tmp_path / "pci.py").write_text(LOCAL)
    path = tmp_path / "spec.yaml"
    path.write_text("dtsrun: 1\nplugins: [./pci.py]\n")
    return path


def test_every_installed_plugin_is_listed_with_its_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in load_registry().plugins:
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert line.endswith(f"dtsrun {version('dtsrun')}")


def test_no_plugin_is_without_a_title() -> None:
    from dtsrun.report.pages import title_of

    untitled = [plugin.name for plugin in load_registry().plugins.values() if not title_of(plugin)]
    assert untitled == []


def test_json_has_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--json"]) == 0
    by_name = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert "host" in by_name["access.public_network"]["options"]["properties"]


def test_plugins_of_a_spec_are_listed_with_their_file(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--spec", str(spec)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "precheck.pci" in line)
    assert "No card number is stored in plain" in line
    assert line.endswith("pci.py")


def test_a_broken_plugin_stops_the_list_naming_the_file(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pci.py").write_text("import nothing_of_this_name")
    assert main(["plugins", "--spec", str(spec)]) == 3
    assert "pci.py" in capsys.readouterr().err
