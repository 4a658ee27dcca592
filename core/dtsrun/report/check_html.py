"""Checks as one HTML page that needs nothing else."""

from __future__ import annotations

from dtsrun.report.checked import Checked
from dtsrun.report.figures import moment_text
from dtsrun.report.findings import count_outcomes
from dtsrun.report.html import findings_markup, page, pairs
from dtsrun.report.markup import element

WORDS = {0: ("nothing blocks", "good"), 6: ("blocked", "bad")}


def checked_html(checked: Checked) -> str:
    """Return the page."""
    words, tone = WORDS.get(checked.exit_code, ("ended", "plain"))
    head = element(
        "header",
        element("h1", f"Checks of {checked.task}"),
        element("p", element("span", words, class_=f"badge {tone}")),
        pairs([("when", moment_text(checked.at)), ("spec", checked.spec_path)]),
    )
    section = element("section", findings_markup(checked.results))
    foot = element(
        "footer",
        element("details", element("summary", "What this is tied to"), pairs(checked.ties.items())),
        element("p", "A change of the spec, the policy or the structure of the source asks for new checks."),
        element("p", "Made by dtsrun.", class_="quiet"),
    )
    return page(f"{checked.task}: {count_outcomes(checked.results)}", element("main", head, section, foot))
