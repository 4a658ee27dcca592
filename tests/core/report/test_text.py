"""The summary in the terminal: calm when all is well, and with what is wrong first when it is not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from dtsrun.api import Difference, Failure, StepResult
from dtsrun.report.build import build_report
from dtsrun.report.data import Proof, Report
from dtsrun.report.text import MOST_LINES, proof_text, report_text


def text_of(story: Any) -> str:
    return report_text(build_report(story.journal, story.name))


def headings(text: str) -> list[str]:
    lines = text.splitlines()
    return [line for before, line in itertools.pairwise(lines) if not before and not line.startswith(" ")]


def test_a_success_fits_in_a_few_sections(moved: Any) -> None:
    assert headings(text_of(moved)) == ["How it was proved", "Time", "Largest tables", "Next"]


def test_the_first_line_says_how_it_went(moved: Any) -> None:
    assert text_of(moved).splitlines()[0] == "shop-to-cloud: succeeded after 13.0 s of work"


def test_what_moved_is_one_line(moved: Any) -> None:
    assert "  moved  1 database, 2 tables, 1,040,000 rows, 250 MB\n" in text_of(moved)


def test_objects_are_counted_over_their_kinds(story: Any) -> None:
    story.begin(objects={"tables": 1000, "indexes": 61})
    assert "  objects  1,061 of 2 kinds\n" in text_of(story)


def test_the_proof_says_what_was_compared_and_what_came_of_it(moved: Any) -> None:
    proof = text_of(moved).split("How it was proved\n")[1].split("\n\n")[0]
    assert proof.splitlines() == ["  2 tables compared, 1,040,000 rows", "  no difference"]


def test_trouble_comes_before_the_rest(troubled: Any) -> None:
    first_three = headings(text_of(troubled))[:3]
    assert first_three == ["Could not be moved (1)", "Differences (1)", "Prechecks"]


def test_the_first_line_counts_the_trouble(troubled: Any) -> None:
    first = text_of(troubled).splitlines()[0]
    assert first == "shop-to-cloud: failed after 11.0 s of work, 1 object could not be moved, 1 difference found"


def test_a_failure_has_the_servers_words_and_the_hint(troubled: Any) -> None:
    assert (
        "  VIEW sales.revenue\n"
        '    42883: function f("x") does not exist\n'
        "    hint: create f first\n"
    ) in text_of(troubled)  # fmt: skip


def test_a_difference_has_its_key_and_both_values(troubled: Any) -> None:
    assert (
        "  shop: TABLE sales.orders, row (id)=(42)\n"
        "    source  paid\n"
        "    target  open\n"
        "    note    the source was written to since\n"
    ) in text_of(troubled)  # fmt: skip


def test_what_was_done_otherwise_or_not_at_all_is_said(troubled: Any) -> None:
    text = text_of(troubled)
    assert "  - shop: TABLE sales.orders: its tablespace is the default one\n" in text
    assert "  - extension pg_cron: excluded by the spec\n" in text


def test_checks_are_told_as_other_moments_are(story: Any) -> None:
    story.begin(checked={"at": "2026-11-22T14:03:10+00:00", "digest": "4f1d" * 16})
    assert "  checked  2026-11-22 14:03:10 +0000, spec, policy and structure 4f1d4f1d4f1d\n" in text_of(story)


def test_checks_whose_structure_was_not_read_are_tied_to_nothing(story: Any) -> None:
    story.begin(checked={"at": "2026-11-22T14:03:10+00:00"})
    assert "  checked  2026-11-22 14:03:10 +0000\n" in text_of(story)


def test_notes_of_the_access_types_can_be_pasted(troubled: Any) -> None:
    assert "\nTo look\n  psql service=shop_target" in text_of(troubled)


def test_a_failed_comparison_never_says_no_difference(troubled: Any) -> None:
    text = text_of(troubled)
    assert "no difference" not in text
    assert "  1 difference found" in text


def test_an_unfinished_comparison_never_says_no_difference(story: Any) -> None:
    story.begin()
    story.plan(("verify", "object.tables", "compare a"), ("verify", "object.tables", "compare b"))
    story.run("compare a", 0, 1)
    text = text_of(story)
    assert "1 table compared, 0 rows; 1 comparison not done" in text
    assert "the comparison is not complete" in text
    assert "no difference" not in text


@pytest.mark.parametrize(
    ("plugin", "rows", "text"),
    [
        ("object.tables", 8, "2 tables compared by a sample of their rows, 8 rows"),
        ("object.sequences", 8, "8 sequences compared"),
        ("object.large_objects", 1, "1 large object compared"),
        ("object.roles", 0, "roles, their memberships and settings compared"),
        ("stage.verify", 0, "definitions of 2 databases compared"),
        ("object.boats", 3, "2 comparisons of object.boats"),
    ],
)
def test_each_comparison_is_told_in_its_own_words(plugin: str, rows: int, text: str) -> None:
    assert proof_text(Proof(plugin=plugin, done=2, total=2, rows=rows, mode="sample")) == text


@pytest.mark.parametrize("mode", ["sample", "rows", ""])
def test_only_a_full_comparison_claims_every_row(mode: str) -> None:
    proof = Proof(plugin="object.tables", done=2, total=2, rows=8, mode=mode)
    assert "every row" not in proof_text(proof)
    assert "every row" in proof_text(replace(proof, mode="full"))


def test_without_a_comparison_nothing_is_claimed_to_be_proved(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"))
    story.run("copy a", 0, 1)
    assert "proved" not in text_of(story)


def test_two_snapshots_are_explained(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"), ("full", "object.tables", "copy b"))
    story.run("copy a", 0, 1, StepResult(rows=7), epoch=1)
    story.run("copy b", 5, 6, StepResult(rows=8), epoch=2)
    text = text_of(story)
    assert "shop was copied in 2 snapshots" in text
    assert "different moments" in text


def test_a_running_task_shows_what_runs(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"))
    story.journal.step_started(story.name, "shop/full/copy a", "worker-1", 1)
    assert "\nRunning (1)\n  shop: copy a" in text_of(story)


def test_the_database_is_named_only_where_there_are_several(moved: Any) -> None:
    assert "\n  sales.orders " in text_of(moved)


def test_long_lists_are_cut_and_counted(story: Any) -> None:
    story.begin()
    story.plan(("indexes", "stage.indexes", "all"))
    failures = tuple(Failure(object=f"VIEW v{i}", message="m") for i in range(MOST_LINES + 3))
    differences = tuple(
        Difference(database=None, object=f"ROLE r{i}", aspect="missing", source="1", target="")
        for i in range(MOST_LINES + 4)
    )
    story.run("all", 0, 1, StepResult(failures=failures, differences=differences), state="failed")
    text = text_of(story)
    assert f"Could not be moved ({MOST_LINES + 3})" in text
    assert "  and 3 more (see the report)" in text
    assert "  and 4 more (see the report)" in text
    assert f"VIEW v{MOST_LINES - 1}\n" in text
    assert f"VIEW v{MOST_LINES}\n" not in text


@pytest.mark.parametrize("name", ["moved", "troubled"])
def test_no_line_ends_in_blanks_and_no_two_are_empty(name: str, request: pytest.FixtureRequest) -> None:
    lines = text_of(request.getfixturevalue(name)).splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert not any(a == b == "" for a, b in itertools.pairwise(lines))


def test_the_files_of_the_report_are_named(story: Any) -> None:
    story.begin(paths={"html": "/state/report.html", "log": "/state/log.jsonl"})
    report: Report = build_report(story.journal, story.name)
    assert report_text(report).endswith("Report\n  html  /state/report.html\n  log   /state/log.jsonl")
