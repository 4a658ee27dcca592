"""`dtsrun schema` prints what editors need, with the options of all plugins that are installed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jsonschema
import pytest

from dtsrun.cli import schema as command
from dtsrun.errors import PluginError

LOCAL_PLUGIN = """
from dtsrun.api import Secret, hookimpl


class Vault(Secret):
    \"\"\"A secret from a vault\"\"\"

    name = "secret.vault"
    options = {"type": "string"}

    def resolve(self, value, context):
        return value


@hookimpl
def dtsrun_secrets():
    return [Vault]
"""


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["schema", *arguments])
    code: int = parsed.run(parsed)
    return code


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(*arguments) == 0
    return capsys.readouterr().out


def test_it_prints_a_schema_with_the_built_in_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(printed(capsys))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"embedded", "public_network", "service"} <= set(schema["$defs"]["access"]["properties"]["type"]["enum"])
    assert {"env", "file", "command"} <= set(schema["$defs"]["secret"]["properties"])


def test_the_indent_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys).splitlines()[1].startswith('  "')
    assert printed(capsys, "--indent", "4").splitlines()[1].startswith('    "')
    assert len(printed(capsys, "--indent", "0").splitlines()) == 1


def test_policy_files_have_a_schema_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(printed(capsys, "--policy"))
    assert schema["required"] == ["dtsrun_policy"]
    assert jsonschema.Draft202012Validator(schema).is_valid({"dtsrun_policy": 1, "alarms": "fail"})


def test_a_local_plugin_can_be_part_of_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plugin = tmp_path / "vault.py"
    plugin.write_text(LOCAL_PLUGIN, "utf-8")
    schema = json.loads(printed(capsys, "--plugin", str(plugin)))
    assert schema["$defs"]["secret"]["properties"]["vault"]["description"] == "A secret from a vault"


def test_the_local_plugins_of_a_spec_can_be_part_of_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "vault.py").write_text(LOCAL_PLUGIN, "utf-8")
    (tmp_path / "spec.yaml").write_text("dtsrun: 1\nplugins: [./vault.py]\n", "utf-8")
    schema = json.loads(printed(capsys, "--spec", str(tmp_path / "spec.yaml")))
    assert schema["$defs"]["secret"]["properties"]["vault"]["description"] == "A secret from a vault"


def test_a_plugin_that_is_not_there_is_a_plugin_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"none\.py"):
        run("--plugin", str(tmp_path / "none.py"))
