"""The command line as a whole: exit codes, hints, and `dtsrun SPEC`."""

import pytest

from dtsrun import cli
from dtsrun.errors import AccessError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DTSRUN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail_with(monkeypatch, error):
    def run(arguments):
        raise error

    monkeypatch.setattr("dtsrun.cli.plugins.run", run)


def test_a_spec_in_the_place_of_a_command_is_run(capsys):
    assert cli.main(["absent.yaml"]) == 2
    assert "absent.yaml" in capsys.readouterr().err


def test_commands_can_be_called_twice_in_one_process(capsys):
    assert [cli.main(["list"]), cli.main(["list"])] == [0, 0]


def test_an_error_shows_its_hint_and_gives_its_exit_code(monkeypatch, capsys):
    fail_with(monkeypatch, AccessError("no answer", where="target", hint="open the port"))
    assert cli.main(["plugins"]) == 4
    assert capsys.readouterr().err == "dtsrun: target: no answer\n  hint: open the port\n"


def test_what_nobody_foresaw_is_called_a_bug_with_its_traceback(monkeypatch, capsys):
    fail_with(monkeypatch, ZeroDivisionError("boom"))
    assert cli.main(["plugins"]) == 70
    said = capsys.readouterr().err
    assert "this is a bug in dtsrun or in a plugin: ZeroDivisionError: boom" in said
    assert "Traceback" in said


def test_an_interruption_is_130(monkeypatch):
    fail_with(monkeypatch, KeyboardInterrupt())
    assert cli.main(["plugins"]) == 130


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"], ["verify", "--help"]])
def test_help_is_help(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    assert "dtsrun" in capsys.readouterr().out


def test_every_command_has_help(capsys):
    parser = cli.build_parser()
    help_text = parser.format_help()
    assert all(f"\n    {name} " in help_text or f"\n    {name}\n" in help_text for name in cli.COMMANDS)


def test_who_stops_it_while_it_starts_sees_no_traceback(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "import_module", interrupted)
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "dtsrun: stopped\n"
