"""The report as one HTML page that needs nothing else: it can be mailed, kept for years, read on a phone, printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files

from dtsrun.api import CheckResult, Difference, Failure, Finding, Fix, Outcome
from dtsrun.report.aligned import aligned_title, group_text, object_text
from dtsrun.report.chart import steps_chart
from dtsrun.report.data import Report, TableFigures
from dtsrun.report.figures import count_text, moment_text, plural, seconds_text, size_text
from dtsrun.report.findings import count_outcomes, fix_effect, is_quiet
from dtsrun.report.followed import LINK_HEADERS, link_cells, links_title
from dtsrun.report.holds import hold_texts, hold_title
from dtsrun.report.markup import Markup, element, join
from dtsrun.report.stages import StageFigures
from dtsrun.report.text import (
    checked_text,
    deviation_text,
    difference_title,
    epoch_title,
    period_text,
    proof_text,
    running_cells,
    stage_figures_text,
    state_words,
    steps_text,
    table_cells,
    verdict,
)

TONES = {
    Outcome.FAILED: "bad",
    Outcome.UNDETERMINED: "warn",
    Outcome.ALARM: "warn",
    Outcome.SKIPPED: "plain",
    Outcome.PASSED: "good",
}
GOOD_STATES = frozenset({"succeeded", "check_passed"})
BAD_STATES = frozenset({"failed", "check_failed"})
SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever a name in a database may try: the page loads and runs nothing."""
Rows = Iterable[Sequence[str]]


def report_html(report: Report) -> str:
    """Return the page."""
    body = element("main", _head(report), *(_sections(report)), _foot(report))
    return page(f"{report.task}: {', '.join(state_words(report))}", body)


def page(title: str, body: Markup) -> str:
    """Return a whole page around its body."""
    return "<!doctype html>\n" + element("html", _page_head(title), element("body", body), lang="en") + "\n"


def _page_head(title: str) -> Markup:
    style = Markup(files("dtsrun.report").joinpath("page.css").read_text(encoding="utf-8"))
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=SECURITY_POLICY),
        element("title", title),
        element("style", style),
    )


def _sections(report: Report) -> Iterable[Markup | None]:
    """Return what is wrong first; then the proof, the figures, and what is less often asked for."""
    yield _section("Could not be moved", [_failure(key, failure) for key, failure in report.failures])
    yield _section("Waited for what could not be moved", _list(report.blocked))
    yield _section("Differences", [_difference(difference) for difference in report.differences])
    yield _section("Running", _running(report))
    yield _section(links_title(report.links), _links(report))
    yield _section("Drifted on the source", _list(report.drifted))
    yield _section("How it was proved", _proof(report))
    yield _section("What to do next", _list(_with_code(text) for text in report.next_steps))
    yield _section("To look", [element("pre", note) for note in report.notes])
    yield _section("Steps over time", steps_chart(report.bars))
    yield _section("Stages", _stages(report.stages) if report.stages else None)
    yield _section("Largest tables", _tables(report, report.largest) if report.largest else None)
    slow = [table for table in report.slowest if table not in report.largest]
    yield _section("Slowest of the rest", _tables(report, slow) if slow else None)
    yield _section("Objects", _objects(report))
    yield _section("Prechecks", findings_markup(report.findings) if report.findings else None)
    yield _section(hold_title(report.holds), _list(hold_texts(report.holds)))
    yield _section("Gates of the cutover", _gates(report))
    yield _section(aligned_title(report.aligned), _aligned(report))
    yield _section("Snapshots", _epochs(report))
    deviations = [deviation_text(d.database, d.object, d.message) for d in report.deviations]
    yield _section("Done otherwise than on the source", _list(deviations))
    yield _section("Not moved", _list(report.left_out))


def _section(title: str, content: Markup | Sequence[Markup] | None) -> Markup | None:
    name = title.lower().replace(" ", "-")
    if not content:
        return None
    return element("section", element("h2", title, id=name), content, aria_labelledby=name)


def _head(report: Report) -> Markup:
    ends = (
        ("from", str(report.source)),
        ("to", str(report.target)),
        ("when", period_text(report)),
        ("type", report.migration_type.replace("_", " + ")),
    )
    return element(
        "header",
        element("h1", report.task),
        element("p", [element("span", words, class_=f"badge {_tone(report)}") for words in state_words(report)]),
        element("dl", [join(element("dt", word), element("dd", text)) for word, text in ends]),
        element("ul", [_tile(figure, word) for figure, word in _tiles(report)], class_="tiles"),
    )


def _tone(report: Report) -> str:
    if report.failures or report.differences or report.state in BAD_STATES:
        return "bad"
    return "good" if report.state in GOOD_STATES else "plain"


def _tiles(report: Report) -> Iterable[tuple[str, str]]:
    totals = report.totals
    yield (seconds_text(report.seconds), "at work")
    yield (size_text(totals.bytes), "copied")
    yield (count_text(totals.rows), "rows")
    yield (plural(totals.tables, "table"), f"in {plural(totals.databases, 'database')}")


def _tile(figure: str, word: str) -> Markup:
    return element("li", element("b", figure), element("span", word))


def _failure(step: str, failure: Failure) -> Markup:
    return element(
        "article",
        element("h3", failure.object),
        element("pre", failure.message),
        element("p", failure.hint) if failure.hint else None,
        element("p", f"step {step}", class_="quiet"),
        class_="bad-edge",
    )


def _difference(difference: Difference) -> Markup:
    return element(
        "article",
        element("h3", difference_title(difference)),
        pairs([("source", difference.source), ("target", difference.target), ("note", difference.note or "")]),
        class_="bad-edge",
    )


def pairs(named: Iterable[tuple[str, str]]) -> Markup:
    """Return named texts; those without words are left out."""
    shown = (join(element("dt", word), element("dd", text)) for word, text in named if text)
    return element("dl", shown)


def _proof(report: Report) -> Markup | None:
    if not report.proofs:
        return None
    tone = "bad" if report.differences else "good"
    compared = _list(proof_text(proof) for proof in report.proofs)
    return join(element("p", element("span", verdict(report), class_=f"badge {tone}")), compared)


def _list(items: Iterable[str]) -> Markup | None:
    entries = [element("li", item) for item in items]
    return element("ul", entries) if entries else None


def _gates(report: Report) -> Markup | None:
    entries = [
        element(
            "li",
            _badge(Outcome(gate["outcome"])),
            gate["gate"],
            f": {gate['reason']}" if gate["reason"] else None,
            _list(gate["said"]),
        )
        for gate in report.gates
    ]
    return element("ul", entries, class_="gates") if entries else None


def _aligned(report: Report) -> list[Markup]:
    groups = ((group_text(group), [object_text(each) for each in group.objects]) for group in report.aligned)
    return [element("details", element("summary", said), _list(objects)) for said, objects in groups]


def _with_code(text: str) -> Markup:
    """Return a sentence with what stands in backquotes as code."""
    parts = text.split("`")
    return join(*(element("code", part) if index % 2 else part for index, part in enumerate(parts)))


def _stages(stages: Sequence[StageFigures]) -> Markup:
    rows = [(stage.name, steps_text(stage), *stage_figures_text(stage)) for stage in stages]
    note = "time: at least one step was running; work: all steps together"
    headers = ("stage", "steps", "time", "work", "rows", "bytes", "rate")
    return join(_table(headers, rows, wide_only=(3, 6)), element("p", note, class_="quiet"))


def _tables(report: Report, tables: Sequence[TableFigures]) -> Markup:
    rows = [table_cells(report, table) for table in tables]
    return _table(("table", "rows", "bytes", "time", "rate", "way"), rows, wide_only=(4, 5))


def _running(report: Report) -> Markup | None:
    rows = [running_cells(step) for step in report.running]
    return _table(("step", "size", "started"), rows) if rows else None


def _links(report: Report) -> list[Markup]:
    if not report.links:
        return []
    errors = _list(f"{link.database}: {link.error}" for link in report.links if link.error)
    table = _table(LINK_HEADERS, [link_cells(link) for link in report.links])
    return [table, *([errors] if errors else [])]


def _objects(report: Report) -> Markup | None:
    objects = sorted(report.totals.objects.items(), key=lambda item: -item[1])
    if not objects:
        return None
    return _table(("kind", "number"), [(kind.replace("_", " "), count_text(n)) for kind, n in objects])


def _epochs(report: Report) -> Markup | None:
    rows = [
        (database, epoch_title(epoch), count_text(epoch.steps), count_text(epoch.rows))
        for database, epochs in report.epochs_by_database.items()
        for epoch in epochs
    ]
    note = "Each table is exact in itself; tables of different snapshots show the source at different moments."
    return join(element("p", note), _table(("database", "snapshot", "steps", "rows"), rows)) if rows else None


def _table(headers: Sequence[str], rows: Rows, *, wide_only: Sequence[int] = ()) -> Markup:
    """Return a table: the first column names the row, the others are figures."""
    classes = [_cell_class(index, index in wide_only) for index in range(len(headers))]
    head = element("tr", [element("th", h, scope="col", class_=c) for h, c in zip(headers, classes, strict=True)])
    body = [_row(cells, classes) for cells in rows]
    return element("div", element("table", element("thead", head), element("tbody", body)), class_="scroll")


def _cell_class(index: int, wide_only: bool) -> str | None:
    words = (["figure"] if index else []) + (["wide-only"] if wide_only else [])
    return " ".join(words) or None


def _row(cells: Sequence[str], classes: Sequence[str | None]) -> Markup:
    rest = [element("td", cell, class_=c) for cell, c in zip(cells[1:], classes[1:], strict=True)]
    return element("tr", element("th", cells[0], scope="row"), rest)


def findings_markup(results: Sequence[CheckResult]) -> Markup:
    """Return all checks: those that found something in full, the others folded."""
    open_ones = [result for result in results if not is_quiet(result)]
    quiet = [result for result in results if result not in open_ones]
    return join(
        element("p", count_outcomes(results)),
        [_check(result) for result in open_ones],
        element("details", element("summary", f"{plural(len(quiet), 'check')} without findings"), _quiet(quiet))
        if quiet
        else None,
    )


def _quiet(results: Sequence[CheckResult]) -> Markup:
    entries = [
        element("li", _badge(each.outcome), " ", each.title or each.check, f" - {each.reason}" if each.reason else "")
        for each in results
    ]
    return element("ul", entries)


def _badge(outcome: Outcome) -> Markup:
    return element("span", outcome.value, class_=f"badge {TONES[outcome]}")


def _check(result: CheckResult) -> Markup:
    return element(
        "article",
        element("h3", _badge(result.outcome), " ", result.title or result.check),
        element("p", result.check, class_="quiet"),
        element("p", result.reason) if result.reason else None,
        [_finding(finding) for finding in result.findings],
        class_=f"{TONES[result.outcome]}-edge",
    )


def _finding(finding: Finding) -> Markup:
    seen = [("observed", finding.observed), ("expected", finding.expected)]
    return element(
        "div",
        element("p", element("b", finding.subject), f": {finding.message}"),
        pairs(seen),
        _fix(finding.fix) if finding.fix else None,
    )


def _fix(fix: Fix) -> Markup:
    effect = fix_effect(fix)
    statements = "\n".join(f"{statement.rstrip().rstrip(';')};" for statement in fix.sql)
    return join(
        element("p", fix.text, f" ({effect})" if effect else ""),
        element("pre", statements) if statements else None,
    )


def _foot(report: Report) -> Markup:
    facts = (
        ("spec", report.spec_path),
        ("digest of the spec", report.digest),
        ("checked", checked_text(report)),
        ("tied to", report.tied_to),
        ("task", report.id),
        ("runner", report.runner),
        ("ended", moment_text(report.finished_at)),
        *report.paths.items(),
    )
    return element(
        "footer",
        element("details", element("summary", "Where this comes from"), pairs(facts)),
        element("p", "Made by dtsrun.", class_="quiet"),
    )
