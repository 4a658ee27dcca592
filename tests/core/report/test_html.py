"""The page stands alone, holds whatever a database may call its objects, and is well formed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from dtsrun.api import CheckResult, Difference, Failure, Finding, Outcome, StepResult
from dtsrun.report.build import build_report
from dtsrun.report.html import report_html

HOSTILE = """</style></title><script>alert("1")</script><img src=x onerror='a'>\x00\u202e"""


class Outline(HTMLParser):
    """Collects what a browser would see, and every element that is not closed as it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


def outline(story: Any) -> Outline:
    parsed = Outline()
    parsed.feed(report_html(build_report(story.journal, story.name)))
    parsed.close()
    assert parsed.open == []
    return parsed


@pytest.fixture
def hostile(story: Any) -> Any:
    """A task in which every name that a server could choose is an attack."""
    gates = [{"gate": HOSTILE, "outcome": "failed", "said": [HOSTILE], "reason": HOSTILE}]
    story.begin(notes=[HOSTILE], left_out=[HOSTILE], objects={HOSTILE: 1}, paths={"html": HOSTILE}, gates=gates)
    story.plan(("full", "object.tables", HOSTILE))
    difference = Difference(
        database=HOSTILE, object=HOSTILE, aspect=HOSTILE, source=HOSTILE, target=HOSTILE, key=HOSTILE, note=HOSTILE
    )
    failure = Failure(object=HOSTILE, message=HOSTILE, hint=HOSTILE)
    story.run(HOSTILE, 0, 1, StepResult(rows=1, bytes=1, differences=(difference,), failures=(failure,)))
    finding = Finding(subject=HOSTILE, message=HOSTILE, observed=HOSTILE, expected=HOSTILE)
    check = CheckResult(check="c", title=HOSTILE, side="source", outcome=Outcome.FAILED, findings=(finding,))
    story.journal.save_checks(story.name, [check])
    story.finish("failed", 2)
    return story


@pytest.mark.parametrize("name", ["moved", "troubled", "hostile"])
def test_the_page_is_well_formed(name: str, request: pytest.FixtureRequest) -> None:
    assert outline(request.getfixturevalue(name)).headings


def test_each_gate_has_its_outcome_and_what_it_found(story: Any) -> None:
    found = {"gate": "gate.lag", "outcome": "failed", "said": ["the link is 3 MB behind"], "reason": ""}
    skipped = {"gate": "gate.drift", "outcome": "skipped", "said": [], "reason": "nothing is watched"}
    story.begin(gates=[found, skipped])
    page = report_html(build_report(story.journal, story.name))
    assert '<span class="badge bad">failed</span>gate.lag<ul><li>the link is 3 MB behind</li></ul>' in page
    assert '<span class="badge plain">skipped</span>gate.drift: nothing is watched</li>' in page


def test_no_name_becomes_an_element(hostile: Any) -> None:
    tags = {tag for tag, _ in outline(hostile).tags}
    assert not tags & {"script", "img", "iframe", "link", "object"}


def test_no_name_becomes_an_attribute(hostile: Any) -> None:
    names = {name for _, attributes in outline(hostile).tags for name in attributes}
    assert not any(name.startswith("on") for name in names)


def test_hostile_names_are_still_readable(hostile: Any) -> None:
    assert sum('<script>alert("1")</script>' in text for text in outline(hostile).text) >= 10


@pytest.mark.parametrize("name", ["moved", "troubled"])
def test_the_page_needs_nothing_from_elsewhere(name: str, request: pytest.FixtureRequest) -> None:
    story = request.getfixturevalue(name)
    page = report_html(build_report(story.journal, story.name))
    assert not re.search(r"https?://|\burl\(|@import", page)
    attributes = {attribute for _, found in outline(story).tags for attribute in found}
    assert not attributes & {"src", "href", "srcset", "action"}


def test_a_browser_is_told_to_load_nothing(moved: Any) -> None:
    policies = [a["content"] for tag, a in outline(moved).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_it_fits_phones_dark_rooms_and_paper(moved: Any) -> None:
    page = report_html(build_report(moved.journal, moved.name))
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_headings_form_one_tree(troubled: Any) -> None:
    levels = [tag for tag, _ in outline(troubled).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == "h1"
    assert levels.count("h1") == 1
    assert all(level in ("h2", "h3") for level in levels[1:])


def test_sections_are_named_by_their_headings(troubled: Any) -> None:
    tags = outline(troubled).tags
    ids = {a["id"] for tag, a in tags if tag == "h2"}
    assert {a["aria-labelledby"] for tag, a in tags if tag == "section"} == ids
    assert len(ids) == sum(tag == "h2" for tag, _ in tags)


def test_tables_have_heads_for_columns_and_rows(moved: Any) -> None:
    scopes = [a.get("scope") for tag, a in outline(moved).tags if tag == "th"]
    assert set(scopes) == {"col", "row"}


def test_trouble_comes_before_the_proof(troubled: Any) -> None:
    headings = outline(troubled).headings
    assert headings[:4] == ["shop-to-cloud", "Could not be moved", "Differences", "How it was proved"]


def test_a_success_has_nothing_about_trouble(moved: Any) -> None:
    headings = outline(moved).headings
    assert headings == [
        "shop-to-cloud",
        "How it was proved",
        "What to do next",
        "Steps over time",
        "Stages",
        "Largest tables",
    ]


def test_commands_are_shown_as_code(moved: Any) -> None:
    page = report_html(build_report(moved.journal, moved.name))
    assert "<code>dtsrun verify shop.yaml</code> compares both ends" in page


def test_a_fix_is_there_with_its_sql(troubled: Any) -> None:
    page = report_html(build_report(troubled.journal, troubled.name))
    assert '<pre>grant select on "s"."t" to migrator;</pre>' in page


def test_state_is_told_in_words_not_by_colour_alone(troubled: Any) -> None:
    page = report_html(build_report(troubled.journal, troubled.name))
    assert '<span class="badge bad">failed</span>' in page
    assert '<span class="badge bad">1 difference found</span>' in page


def test_a_task_that_has_only_begun_has_a_page(story: Any) -> None:
    story.begin()
    assert outline(story).headings == ["shop-to-cloud", "What to do next"]
