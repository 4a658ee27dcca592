"""`dtsrun check SPEC`: on two real servers, with a policy of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dtsrun.api import Route
from dtsrun.cli import main
from dtsrun.journal import Journal
from dtsrun.postgres.session import connect

Capture = pytest.CaptureFixture[str]
ONLY = ("--only", "sql.*", "--only", "connect")
"""What makes a check of a few tenths of a second."""

POLICY = """\
dtsrun_policy: 1
extends: [builtin:strict]
checks:
  precheck.target_space:
    options: {ratio: 1.5}
  precheck.version: {severity: alarm}
waivers:
  - {check: sql.no_open_orders, object: "*.17", reason: known, owner: dba, until: 2999-01-31}
sql_checks:
  - id: no_open_orders
    side: source
    title: no order is being packed
    sql: select id as subject, state as observed from public.orders
    fix: finish or cancel the order
"""


@pytest.fixture
def shop(source_route: Route, fresh_database: Any) -> str:
    """A database with one order."""
    name: str = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.orders (id int primary key, state text)")
        connection.execute("insert into public.orders values (17, 'packing')")
    return name


@pytest.fixture
def spec(
    tmp_path: Path, shop: str, source_route: Route, target_route: Route, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Write a spec beside its policy, and return its path."""
    lines = []
    for side, route in (("source", source_route), ("target", target_route)):
        facts = {key: value for key, value in route.parameters.items() if key in ("host", "port", "user", "password")}
        lines += [f"[{side}]", *(f"{key}={value}" for key, value in facts.items())]
    (tmp_path / "services").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))

    def write(policy: str = POLICY, **changes: Any) -> str:
        (tmp_path / "own.yaml").write_text(policy)
        ends = {
            side: {"type": "postgresql", "access": {"type": "service", "service": side}}
            for side in ("source", "target")
        }
        document: dict[str, Any] = {
            "dtsrun": 1,
            "task": {"name": "shop"},
            **ends,
            "migration": {"type": "full", "objects": {"databases": {shop: {}}}},
            "prechecks": {"policy": "own.yaml"},
            **changes,
        }
        # JSON is YAML.
        (tmp_path / "spec.yaml").write_text(json.dumps(document))
        return str(tmp_path / "spec.yaml")

    return write


def test_a_waived_finding_does_not_block(spec: Any, capsys: Capture) -> None:
    assert main(["check", spec(), "--quiet", *ONLY]) == 0
    out = capsys.readouterr().out
    assert "passed        no order is being packed  (sql.no_open_orders)" in out
    assert "(waived: known, dba)" in out


def test_what_has_nothing_to_say_is_counted_and_named_on_demand(spec: Any, capsys: Capture) -> None:
    assert main(["check", spec(), "--quiet", *ONLY]) == 0
    assert "precheck.connect" not in capsys.readouterr().out
    assert main(["check", spec(), "--quiet", "--all", *ONLY]) == 0
    out = capsys.readouterr().out
    assert "(precheck.connect)" in out
    assert out.splitlines()[-1] == "  3 passed"


def test_without_the_waiver_it_blocks_with_exit_code_6(spec: Any, capsys: Capture, shop: str) -> None:
    assert main(["check", spec(POLICY.replace("*.17", "*.18")), "--quiet", *ONLY]) == 6
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [
        "  FAILED        no order is being packed  (sql.no_open_orders)",
        f"    {shop}.17: not so: no order is being packed",
    ]
    assert "nothing was found that this waiver covers" in out


@pytest.mark.parametrize(("alarms", "code"), [("fail", 6), ("confirm", 0), ("continue", 0)])
def test_alarms_block_where_the_policy_says_so(spec: Any, alarms: str, code: int) -> None:
    policy = POLICY.replace("*.17", "*.18").replace("fix: finish", "severity: alarm\n    fix: finish")
    assert main(["check", spec(f"alarms: {alarms}\n{policy}"), "--quiet", *ONLY]) == code


def test_an_end_that_cannot_be_reached_is_exit_code_4(spec: Any, capsys: Capture) -> None:
    nowhere = {"type": "postgresql", "access": {"type": "service", "service": "nowhere"}}
    assert main(["check", spec(target=nowhere), "--quiet"]) == 4
    assert "target" in capsys.readouterr().err


def test_the_policy_is_explained_without_any_connection(spec: Any, capsys: Capture, tmp_path: Path) -> None:
    nowhere = {"type": "postgresql", "access": {"type": "service", "service": "nowhere"}}
    assert main(["check", spec(source=nowhere, target=nowhere), "--explain-policy"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    own = f"{tmp_path}/own.yaml"
    assert ["precheck.version", "alarm", f"{own}:6"] in lines
    assert ["precheck.connect", "fail", "the", "check", "itself"] in lines
    assert ["ratio", "1.5", f"{own}:5"] in lines
    assert ["sql.no_open_orders", "fail", f"{own}:10"] in lines
    assert ["undetermined", "fail", "builtin:strict:3"] in lines
    assert ["sql.no_open_orders", "*.17", "until", "2999-01-31", f"{own}:8", "known,", "dba"] in lines


def test_the_explained_policy_is_json_too_and_keeps_to_what_is_chosen(spec: Any, capsys: Capture) -> None:
    assert main(["check", spec(), "--explain-policy", "--format", "json", "--only", "version"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(each["subject"], each["value"]) for each in document["checks"]] == [("precheck.version", "alarm")]


def test_the_explained_policy_has_no_other_format(spec: Any, capsys: Capture) -> None:
    assert main(["check", spec(), "--explain-policy", "--format", "sarif"]) == 2
    assert "text and json alone" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "junit", "sarif", "html"])
def test_a_file_holds_the_format_and_the_terminal_the_counts(
    spec: Any, form: str, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    assert main(["check", spec(), "--quiet", "--format", form, "--output", str(file), *ONLY]) == 0
    assert capsys.readouterr().out == "3 passed\n"
    text = file.read_text("utf-8")
    if form == "junit":
        assert ElementTree.fromstring(text.encode()).attrib["tests"] == "3"
    elif form == "html":
        assert text.startswith("<!doctype html>")
    else:
        assert json.loads(text)


def test_a_file_that_cannot_be_written_is_told(spec: Any, capsys: Capture, tmp_path: Path) -> None:
    assert main(["check", spec(), "--quiet", "--output", str(tmp_path / "no/such/folder"), *ONLY]) == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_fixes_are_written_for_each_side(
    spec: Any, target_route: Route, fresh_database: Any, shop: str, tmp_path: Path
) -> None:
    fresh_database(target_route, name=shop)
    with connect(target_route, shop) as connection:
        connection.execute("create table public.orders (id int)")
    chosen = ("--only", "structure_conflict", "--only", "connect")
    assert main(["check", spec(), "--quiet", "--fix-sql", str(tmp_path / "fix.sql"), *chosen]) == 6
    assert "nothing to mend" in (tmp_path / "fix-source.sql").read_text()
    target = (tmp_path / "fix-target.sql").read_text()
    assert f"\\connect -reuse-previous=on \"dbname='{shop}'\"" in target
    assert "-- DROP TABLE public.orders;" in target


def test_what_came_of_all_checks_is_remembered_with_what_it_is_tied_to(
    spec: Any, journal: Journal, capsys: Capture
) -> None:
    path = spec(POLICY + "alarms: continue\nundetermined: alarm\n")
    assert main(["check", path, "--quiet", "--format", "json"]) == 0
    tied_to = json.loads(capsys.readouterr().out)["tied_to"]
    task = journal.task("shop")
    assert task is not None and task.state == "check_passed"
    assert task.summary["checked"].items() >= tied_to.items()
    assert all(tied_to.values())
    assert main(["show", "shop"]) == 0
    assert f", spec, policy and structure {tied_to['digest'][:12]}\n" in capsys.readouterr().out


def test_a_few_checks_are_not_remembered_as_if_they_were_all(spec: Any, journal: Journal) -> None:
    main(["check", spec(), "--quiet", *ONLY])
    assert journal.task("shop") is None


def test_checking_leaves_a_task_alone_whose_work_has_begun(spec: Any, journal: Journal, task: str) -> None:
    main(["check", spec(), "--quiet"])
    known = journal.task(task)
    assert known is not None and known.state == "paused"
    assert (journal.findings(task), "checked" in known.summary) == ([], False)
