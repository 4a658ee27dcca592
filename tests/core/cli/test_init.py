"""`dtsrun init` writes a spec that is valid as it stands, and overwrites nothing."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import AccessType, MigrationType
from dtsrun.cli import init as command
from dtsrun.cli.init import starter
from dtsrun.errors import SpecError
from dtsrun.registry import Registry, load_registry
from dtsrun.spec import load_spec, parse_spec


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["init", *arguments])
    code: int = parsed.run(parsed)
    return code


class Odd(AccessType):
    """Options of every form"""

    name = "access.odd"
    options = {
        "properties": {
            "host": {"type": "string", "description": "Name or: address."},
            "gateway": {"type": "object", "properties": {"id": {"type": "string"}, "zone": {}}, "required": ["id"]},
            "port": {"type": "integer", "minimum": 1024},
            "ratio": {"type": "number"},
            "hosts": {"type": "array"},
            "is_on": {"type": "boolean"},
            "mode": {"enum": ["null", "b"]},
            "version": {"const": 2},
            "path": {"type": "string", "examples": ["~/x: y"]},
            "nothing": {"type": ["null", "string"]},
            "socket": {"type": "string"},
            "service": {"type": "string"},
        },
        "required": ["host", "gateway", "port", "ratio", "hosts", "is_on", "mode", "version", "path", "nothing"],
        "oneOf": [{"required": ["socket"]}, {"required": ["service"]}],
    }

    def open(self, endpoint: Any, context: Any) -> Any:
        raise AssertionError


@pytest.mark.parametrize("kind", ["full", "structural"])
def test_what_it_writes_is_a_valid_spec(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = tmp_path / "shop-to-cloud.yaml"
    assert run(str(path), "--type", kind) == 0
    assert str(path) in capsys.readouterr().out
    spec = load_spec(path, registry)
    assert (spec.task.name, spec.migration_type) == ("shop-to-cloud", MigrationType(kind))
    assert (spec.source.access_type, spec.target.access_type) == ("public_network", "public_network")
    assert spec.warnings == ()


def test_every_pair_of_access_types_gives_a_valid_spec(registry: Registry) -> None:
    for source, target in itertools.product(registry.access_types, repeat=2):
        text = starter(Path("x.yaml"), "full", source, target)
        spec = parse_spec(text, path=Path("x.yaml"), registry=registry)
        assert (spec.source.access_type, spec.target.access_type) == (source.short_name, target.short_name)


def test_every_form_of_option_gets_a_value_that_its_schema_allows(registry: Registry) -> None:
    text = starter(Path("x.yaml"), "full", Odd(), Odd())
    own = Registry({**registry.plugins, Odd.name: Odd()}, {})
    assert parse_spec(text, path=Path("x.yaml"), registry=own).source.access == {
        "host": "CHANGE_ME",
        "gateway": {"id": "CHANGE_ME"},
        "port": 1024,
        "ratio": 1,
        "hosts": [],
        "is_on": False,
        "mode": "null",
        "version": 2,
        "path": "~/x: y",
        "nothing": None,
        "socket": "CHANGE_ME",
    }


def test_what_may_be_left_out_is_a_comment_and_what_is_known_of_a_key_stands_beside_it() -> None:
    lines = starter(Path("x.yaml"), "full", Odd(), Odd()).splitlines()
    assert "    # service: CHANGE_ME" in lines
    assert "    host: CHANGE_ME  # Name or: address" in lines


def test_a_path_that_is_no_task_name_gets_another(registry: Registry) -> None:
    [network] = [each for each in registry.access_types if each.short_name == "public_network"]
    text = starter(Path("my spec.yaml"), "full", network, network)
    assert parse_spec(text, path=Path("x.yaml"), registry=registry).task.name == "my-migration"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("mine", "utf-8")
    with pytest.raises(SpecError, match="cannot be written: file exists") as caught:
        run(str(path))
    assert path.read_text("utf-8") == "mine"
    assert caught.value.hint == "choose another path; nothing is overwritten"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be written: no such file or directory"):
        run(str(tmp_path / "none" / "spec.yaml"))


def test_an_unknown_access_type_gets_the_nearest_and_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    with pytest.raises(SpecError, match=r"public_netwrk; did you mean `public_network`\?") as caught:
        run(str(path), "--source", "public_netwrk")
    assert "embedded" in str(caught.value.hint)
    assert not path.exists()


def test_following_changes_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    run(str(path), "--type", "full_incremental")
    assert "type: full_incremental" in path.read_text()
