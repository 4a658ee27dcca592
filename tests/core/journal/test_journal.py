"""The journal is a task's memory on the runner."""

import os
import sqlite3
import stat
import zlib
from pathlib import Path

import pytest

from dtsrun.api import (
    CheckResult,
    Deviation,
    Difference,
    Failure,
    Finding,
    Fix,
    Lane,
    Outcome,
    Severity,
    Step,
    StepResult,
)  # fmt: skip
from dtsrun.errors import DtsrunError
from dtsrun.journal import Creation, Journal

STEP = Step(key="shop/copy/a", stage="full", plugin="object.tables", action="copy", database="shop", size=7, title="a",
            lane=Lane.COPY, args={"columns": ["x"]})  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path):
    with Journal.open(tmp_path) as opened:
        opened.begin_task("t", spec_path=Path("s.yaml"), digest="d", migration_type="full", runner="host:1")
        yield opened


def test_the_file_is_private(tmp_path: Path):
    before = os.umask(0)
    try:
        Journal.open(tmp_path / "home").close()
    finally:
        os.umask(before)
    path = tmp_path / "home" / "journal.sqlite3"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_is_said_so(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DtsrunError, match="journal cannot be opened") as raised:
        Journal.open(tmp_path / "file" / "home")
    assert "DTSRUN_HOME" in str(raised.value.hint)


def test_a_file_that_is_no_journal_is_said_so(tmp_path: Path):
    (tmp_path / "journal.sqlite3").write_text("something else altogether, and long enough to be read" * 40)
    with pytest.raises(DtsrunError, match="journal cannot be opened"):
        Journal.open(tmp_path)


def test_a_task_keeps_its_id_over_runs(journal: Journal):
    first = journal.task("t")
    again = journal.begin_task("t", spec_path=Path("s.yaml"), digest="d", migration_type="full", runner="host:2")
    assert first is not None
    assert (again.id, again.runner) == (first.id, "host:2")


def test_final_states_are_stamped_and_others_are_not(journal: Journal):
    journal.set_state("t", "running")
    assert journal.task("t").finished_at is None
    journal.set_state("t", "succeeded")
    assert journal.task("t").finished_at is not None
    assert [event.message for event in journal.events("t")] == ["the task is running", "the task succeeded"]


def test_the_plan_comes_back_as_it_was(journal: Journal):
    journal.save_plan("t", [STEP], [{"key": STEP.key, "args": {"columns": ["é"]}}])
    assert list(journal.plan("t") or ()) == [{"key": STEP.key, "args": {"columns": ["é"]}}]
    assert journal.plan("other") is None


def test_a_step_is_followed_from_waiting_to_done(journal: Journal):
    journal.save_plan("t", [STEP], [])
    assert journal.steps("t")[0].state == "waiting"
    journal.step_started("t", STEP.key, "copy-1", 2)
    running = journal.steps("t")[0]
    assert (running.state, running.epoch, running.worker) == ("running", 2, "copy-1")
    journal.step_finished("t", STEP.key, "done", StepResult(rows=3, bytes=99))
    done = journal.steps("t")[0]
    assert (done.state, done.rows, done.bytes) == ("done", 3, 99)
    assert done.finished_at >= done.started_at


def test_when_a_step_was_done_outlives_the_plan_that_it_is_part_of(journal: Journal):
    journal.save_plan("t", [STEP], [])
    journal.step_started("t", STEP.key, "copy-1", 1)
    journal.step_finished("t", STEP.key, "done", StepResult(rows=3, bytes=99), "relay, binary")
    before = journal.steps("t")[0]
    journal.save_plan("t", [STEP], [])
    assert journal.steps("t")[0].state == "waiting"
    journal.step_known_done("t", STEP.key, 3, 99, 1)
    assert journal.steps("t")[0] == before
    journal.save_plan("t", [STEP], [])
    journal.step_started("t", STEP.key, "copy-2", 2)
    again = journal.steps("t")[0]
    assert (again.worker, again.finished_at, again.message) == ("copy-2", None, "")
    journal.save_plan("t", [STEP], [])
    assert (journal.steps("t")[0].started_at, journal.steps("t")[0].worker) == (None, None)


def test_what_a_step_said_is_replaced_when_it_runs_again(journal: Journal):
    journal.save_plan("t", [STEP], [])
    failing = StepResult(
        failures=(Failure(object="VIEW v", message="no"),),
        deviations=(Deviation(database="shop", object="role r", message="no password"),),
        differences=(
            Difference(database="shop", object="TABLE a", aspect="row", source="1", target="2", key="(id)=(1)"),
        ),
    )
    journal.step_finished("t", STEP.key, "failed", failing)
    assert journal.failures("t") == [(STEP.key, failing.failures[0])]
    assert journal.deviations("t") == list(failing.deviations)
    assert journal.differences("t") == list(failing.differences)
    journal.step_finished("t", STEP.key, "done", StepResult())
    assert (journal.failures("t"), journal.deviations("t"), journal.differences("t")) == ([], [], [])


def test_findings_come_back_with_fix_and_severity(journal: Journal):
    fix = Fix(text="grant", sql=("GRANT SELECT ON t TO m;",), side="source")
    finding = Finding(subject="shop.t", message="m", fix=fix, severity=Severity.ALARM, evidence={"rows": [1]})
    result = CheckResult(check="precheck.x", title="x", side="source", outcome=Outcome.ALARM, findings=(finding,))
    journal.save_checks("t", [result])
    assert journal.findings("t") == [result]


def test_creations_are_remembered_once_and_forgotten(journal: Journal):
    journal.created("t", Creation(side="target", what="database", name="shop"))
    journal.created("t", Creation(side="target", what="database", name="shop"))
    made = Creation(side="target", what="database", name="shop")
    assert journal.creations("t") == [made]
    journal.removed("t", made)
    assert journal.creations("t") == []


def test_another_process_sees_what_was_written(journal: Journal):
    with Journal.open(journal.home) as other:
        other.requests.ask("t", "pause")
    assert journal.requests.next("t").what == "pause"


def test_a_forgotten_task_leaves_nothing(journal: Journal):
    journal.save_plan("t", [STEP], [])
    journal.created("t", Creation(side="target", what="role", name="app"))
    journal.forget_task("t")
    assert journal.task("t") is None
    assert (journal.steps("t"), journal.events("t"), journal.creations("t"), journal.plan("t")) == ([], [], [], None)


def test_facts_for_the_report_add_up(journal: Journal):
    journal.set_summary("t", source={"version": "16"}, notes=["a"])
    journal.set_summary("t", notes=["b"])
    assert journal.task("t").summary == {"source": {"version": "16"}, "notes": ["b"]}


def test_the_first_word_on_what_was_there_before_us_counts(journal: Journal):
    first = Creation(side="source", what="replica identity", name="public.t", database="shop", undo="... default")
    journal.created("t", first)
    journal.created("t", Creation(side="source", what="replica identity", name="public.t", database="shop", undo="..."))
    elsewhere = Creation(side="source", what="replica identity", name="public.t", database="other")
    journal.created("t", elsewhere)
    assert journal.creations("t") == [first, elsewhere]
    journal.removed("t", first)
    assert journal.creations("t") == [elsewhere]


def test_a_journal_of_an_earlier_version_is_refused(tmp_path: Path):
    import sqlite3

    with sqlite3.connect(tmp_path / "journal.sqlite3") as old:
        old.execute("create table creation (task text, side text, what text, name text)")
    old.close()
    with pytest.raises(DtsrunError, match="earlier version"):
        Journal.open(tmp_path)


def test_a_plan_of_many_pieces_comes_back(journal: Journal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dtsrun.journal.rows.PIECE_BYTES", 7)
    records = [{"key": str(number), "args": {"sql": "é\n" * (number % 5) + str(hash(number))}} for number in range(300)]
    journal.save_plan("t", [STEP], records)
    journal.save_plan("t", [STEP], records)
    assert list(journal.plan("t") or ()) == records


def test_a_plan_that_is_cut_off_is_not_taken_for_a_whole_one(journal: Journal):
    journal.save_plan("t", [STEP], [{"key": str(number)} for number in range(300)])
    with sqlite3.connect(journal.home / "journal.sqlite3") as connection:
        connection.execute("update plan set data = substr(data, 1, length(data) - 10)")
    with pytest.raises(zlib.error, match="cut off"):
        list(journal.plan("t") or ())


def test_a_plan_that_was_kept_as_one_list_is_still_read(journal: Journal):
    journal.save_plan("t", [STEP], [[{"key": "a"}, {"key": "b"}]])  # type: ignore[list-item]
    assert [item["key"] for item in journal.plan("t") or ()] == ["a", "b"]
