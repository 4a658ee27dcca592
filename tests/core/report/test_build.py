"""A report says what the journal remembers, all of it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dtsrun.api import Outcome, StepResult
from dtsrun.errors import SpecError
from dtsrun.journal import Journal
from dtsrun.report.build import build_report

MB = 1024 * 1024


def test_totals_count_what_was_copied_once(moved: Any) -> None:
    totals = build_report(moved.journal, moved.name).totals
    assert (totals.databases, totals.tables, totals.rows, totals.bytes) == (1, 2, 1_040_000, 250 * MB)


def test_the_ends_have_their_names_and_versions(moved: Any) -> None:
    report = build_report(moved.journal, moved.name)
    assert str(report.source) == "db.example.com:5432 as migrator, PostgreSQL 16.14"
    assert str(report.target) == "10.0.3.7:5432 as root, PostgreSQL 18.1"


def test_stages_come_in_the_order_of_the_work(moved: Any) -> None:
    stages = build_report(moved.journal, moved.name).stages
    assert [stage.name for stage in stages] == ["structure", "full", "indexes", "verify"]


def test_a_stage_knows_its_time_and_the_work_in_it(moved: Any) -> None:
    full = build_report(moved.journal, moved.name).stages[1]
    assert (full.seconds, full.work_seconds) == (8, 10)
    assert full.rate == 250 * MB / 8
    assert full.steps == {"done": 2}


def test_the_time_of_a_task_is_the_time_in_which_it_worked(moved: Any) -> None:
    assert build_report(moved.journal, moved.name).seconds == 13


def test_a_pause_between_two_runs_does_not_count(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"), ("full", "object.tables", "copy b"))
    story.run("copy a", 0, 10)
    story.run("copy b", 5000, 5020)
    assert build_report(story.journal, story.name).seconds == 30


def test_tables_are_ranked_by_size_and_by_time(story: Any) -> None:
    story.begin()
    story.plan(*(("full", "object.tables", f"copy t{i:02}") for i in range(15)))
    for i in range(15):
        story.run(f"copy t{i:02}", 0, 20 - i, StepResult(rows=i, bytes=i * MB))
    report = build_report(story.journal, story.name)
    assert [table.title for table in report.largest] == [f"t{i:02}" for i in range(14, 4, -1)]
    assert [table.title for table in report.slowest] == [f"t{i:02}" for i in range(10)]
    assert report.largest[0].rate == 14 * MB / 6


def test_only_copies_of_tables_are_tables(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy t"), ("full", "object.large_objects", "large objects"))
    story.run("copy t", 0, 1, StepResult(rows=10, bytes=100))
    story.run("large objects", 0, 1, StepResult(rows=3, bytes=50))
    report = build_report(story.journal, story.name)
    assert (report.totals.tables, report.totals.rows, report.totals.bytes) == (1, 10, 150)
    assert [table.title for table in report.largest] == ["t"]


def test_rows_are_those_of_tables_wherever_they_are_told(story: Any) -> None:
    story.begin()
    story.plan(
        ("full", "object.tables", "copy t"),
        ("full", "object.large_objects", "large objects"),
        ("full", "object.sequences", "sequences"),
        ("verify", "object.tables", "compare t"),
        ("verify", "object.materialized_views", "compare v"),
    )
    for number, (title, rows) in enumerate(
        (("copy t", 10), ("large objects", 3), ("sequences", 4), ("compare t", 10), ("compare v", 5))
    ):
        story.run(title, number, number + 1, StepResult(rows=rows))
    report = build_report(story.journal, story.name)
    assert {stage.name: stage.rows for stage in report.stages} == {"full": 10, "verify": 10}
    assert [epoch.rows for epoch in report.epochs] == [10]
    assert report.totals.rows == 10


def test_it_is_known_when_and_of_what_the_checks_were_made(story: Any) -> None:
    story.begin(checked={"at": "2026-11-22T14:03:10+00:00", "digest": "4f1d" * 16})
    report = build_report(story.journal, story.name)
    assert (report.checked_at.isoformat(), report.tied_to) == ("2026-11-22T14:03:10+00:00", "4f1d" * 16)


def test_findings_come_worst_first(troubled: Any) -> None:
    findings = build_report(troubled.journal, troubled.name).findings
    outcomes = [Outcome.FAILED, Outcome.UNDETERMINED, Outcome.ALARM, Outcome.SKIPPED, Outcome.PASSED]
    assert [result.outcome for result in findings] == outcomes


def test_what_went_wrong_is_all_there(troubled: Any) -> None:
    report = build_report(troubled.journal, troubled.name)
    assert [failure.object for _, failure in report.failures] == ["VIEW sales.revenue"]
    assert [difference.key for difference in report.differences] == ["(id)=(42)"]
    assert [deviation.object for deviation in report.deviations] == ["TABLE sales.orders"]
    assert report.left_out == ("extension pg_cron: excluded by the spec",)


def test_blocked_steps_are_named(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"), ("indexes", "stage.indexes", "index a"))
    story.journal.step_blocked(story.name, "shop/indexes/index a", "waits for copy a")
    assert build_report(story.journal, story.name).blocked == ("index a",)


def test_comparisons_are_summed_by_what_was_compared(moved: Any) -> None:
    (proof,) = build_report(moved.journal, moved.name).proofs
    assert (proof.plugin, proof.done, proof.total, proof.rows) == ("object.tables", 2, 2, 1_040_000)


def test_a_comparison_that_is_not_over_is_not_counted_as_done(story: Any) -> None:
    story.begin()
    story.plan(("verify", "object.tables", "compare a"), ("verify", "object.tables", "compare b"))
    story.run("compare a", 0, 1)
    (proof,) = build_report(story.journal, story.name).proofs
    assert (proof.done, proof.total) == (1, 2)


def test_nothing_is_said_of_a_proof_before_the_first_comparison(story: Any) -> None:
    story.begin()
    story.plan(("verify", "object.tables", "compare a"), ("verify", "object.tables", "compare b"))
    story.journal.step_blocked(story.name, "shop/verify/compare a", "waits for copy a")
    assert build_report(story.journal, story.name).proofs == ()


@pytest.mark.parametrize(("summary", "mode"), [({}, ""), ({"verify_mode": "sample"}, "sample")])
def test_a_comparison_knows_how_far_it_went(story: Any, summary: dict[str, str], mode: str) -> None:
    story.begin(**summary)
    story.plan(("verify", "object.tables", "compare a"))
    story.run("compare a", 0, 1)
    (proof,) = build_report(story.journal, story.name).proofs
    assert proof.mode == mode


def test_one_snapshot_of_a_database_is_nothing_to_talk_about(moved: Any) -> None:
    assert build_report(moved.journal, moved.name).epochs_by_database == {}


def test_a_second_snapshot_is_reported_with_what_was_copied_in_it(story: Any) -> None:
    story.begin()
    story.plan(*(("full", "object.tables", f"copy {name}") for name in "abc"))
    story.run("copy a", 0, 1, StepResult(rows=1), epoch=1)
    story.run("copy b", 10, 11, StepResult(rows=20), epoch=2)
    story.run("copy c", 11, 12, StepResult(rows=300), epoch=2)
    epochs = build_report(story.journal, story.name).epochs_by_database["shop"]
    assert [(epoch.number, epoch.steps, epoch.rows) for epoch in epochs] == [(1, 1, 1), (2, 2, 320)]
    assert epochs[0].started_at < epochs[1].started_at


def test_running_steps_are_listed(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"), ("full", "object.tables", "copy b"))
    story.journal.step_started(story.name, "shop/full/copy b", "worker-1", 1)
    assert [step.title for step in build_report(story.journal, story.name).running] == ["copy b"]


def test_steps_that_an_earlier_runner_did_have_no_bar(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"))
    story.journal.step_known_done(story.name, "shop/full/copy a", 5, 100, 1)
    report = build_report(story.journal, story.name)
    assert report.bars == ()
    assert report.totals.rows == 5


def test_a_task_that_has_only_begun_has_a_report(story: Any) -> None:
    story.journal.begin_task(story.name, spec_path="s.yaml", digest="", migration_type="full", runner="r:1")
    report = build_report(story.journal, story.name)
    assert (report.state, report.stages, report.seconds) == ("creating", (), 0)
    assert str(report.source) == "unknown"


def test_an_unknown_task_is_an_error_that_names_the_others(moved: Any) -> None:
    with pytest.raises(SpecError, match="there is no task 'nope'") as caught:
        build_report(moved.journal, "nope")
    assert caught.value.hint == "tasks: shop-to-cloud"


def test_where_nothing_ever_ran_the_error_says_so(journal: Journal) -> None:
    with pytest.raises(SpecError) as caught:
        build_report(journal, "nope")
    assert caught.value.hint == "no task was ever run here"
