"""Steps over time as inline SVG: one strip for each lane, a bar for each step, or how many ran where bars would blur.

Only the bars are SVG, stretched to the page's width; words stand beside them as HTML, so that they can be read on a
phone as well as on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from dtsrun.api import Lane
from dtsrun.report.data import Bar
from dtsrun.report.figures import plural, seconds_text
from dtsrun.report.markup import Markup, element
from dtsrun.report.timing import Span, Timeline, make_timeline, rows_of, running_at_once

WIDTH = 1000
"""Units of the SVG's width; how wide one is depends on the page."""
ROW, BAR = 10, 8
"""Height of a row and of the bar in it, in pixels."""
MOST_BARS = 400
"""Steps in a lane beyond which bars are thinner than a pixel, and the page large: then only their number is drawn."""
MOST_ROWS = 24
BINS = 250
AREA = 60
LANE_WORDS = {
    Lane.STRUCTURE: "structure",
    Lane.COPY: "rows and large objects",
    Lane.INDEX: "indexes and constraints",
    Lane.VERIFY: "comparison",
}
TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)
MOST_TICKS = 6
LAST_LABEL = 95
"""Percent of the width beyond which a label would hang over the edge."""


def steps_chart(bars: Sequence[Bar]) -> Markup | None:
    """Return the chart of all steps that ran; None where nothing did."""
    timeline = make_timeline(bar.interval for bar in bars)
    if timeline.seconds <= 0:
        return None
    lanes = [(lane, [bar for bar in bars if bar.lane == lane]) for lane in Lane]
    ticks = tick_seconds(timeline.seconds)
    strips = [_strip(lane, members, timeline, ticks) for lane, members in lanes if members]
    return element("div", strips, _axis(ticks, timeline), _pauses(timeline), class_="chart")


def tick_seconds(seconds: float) -> tuple[float, ...]:
    """Return round numbers of seconds to mark, from 0, at most `MOST_TICKS` of them."""
    step = next((step for step in TICK_STEPS if seconds / step < MOST_TICKS), seconds)
    return tuple(step * number for number in range(int(seconds / step) + 1))


def _strip(lane: Lane, bars: Sequence[Bar], timeline: Timeline, ticks: Sequence[float]) -> Markup:
    spans = [timeline.span(bar.interval) for bar in bars]
    rows = rows_of(spans)
    at_once = max(rows) + 1
    too_many = len(bars) > MOST_BARS or at_once > MOST_ROWS
    drawing, height = _area(spans, timeline) if too_many else (_bars(bars, spans, rows, timeline), at_once * ROW)
    words = f"{plural(len(bars), 'step')}, {at_once} at once at most"
    return element(
        "figure",
        element("figcaption", element("b", LANE_WORDS[lane]), " ", element("span", words)),
        element(
            "svg",
            element("title", f"{LANE_WORDS[lane]}: {words}"),
            _grid(ticks, timeline, height),
            drawing,
            viewBox=f"0 0 {WIDTH} {height}",
            preserveAspectRatio="none",
            role="img",
            class_=f"lane-{lane}",
            style=f"height:{height}px",
        ),
    )


def _grid(ticks: Sequence[float], timeline: Timeline, height: float) -> Iterable[Markup]:
    for second, class_ in [*((s, "grid") for s in ticks), *((s, "joint") for s in timeline.joints)]:
        x = _x(second, timeline)
        yield element("line", x1=x, x2=x, y1=0, y2=height, class_=class_)


def _bars(bars: Sequence[Bar], spans: Sequence[Span], rows: Sequence[int], timeline: Timeline) -> list[Markup]:
    return [_bar(bar, span, row, timeline) for bar, span, row in zip(bars, spans, rows, strict=True)]


def _bar(bar: Bar, span: Span, row: int, timeline: Timeline) -> Markup:
    start, end = _x(span.start, timeline), _x(span.end, timeline)
    failed = "" if bar.state == "done" else f", {bar.state}"
    return element(
        "rect",
        element("title", f"{bar.title}: {seconds_text(bar.interval.seconds)}{failed}"),
        x=start,
        y=row * ROW + (ROW - BAR) / 2,
        width=round(max(1.5, end - start), 1),
        height=BAR,
        class_=None if bar.state == "done" else "failed",
    )


def _area(spans: Sequence[Span], timeline: Timeline) -> tuple[Markup, int]:
    counts = running_at_once(spans, seconds=timeline.seconds, bins=BINS)
    scale = AREA / (max(counts) or 1.0)
    width = WIDTH / BINS
    points = [f"H{(index + 1) * width:.0f}V{AREA - count * scale:.1f}" for index, count in _edges(counts)]
    return element("path", d=f"M0 {AREA}{''.join(points)}H{WIDTH}V{AREA}Z"), AREA


def _edges(counts: Sequence[float]) -> Iterable[tuple[int, float]]:
    """Return the left edge (as the bin before) and height of each bin that differs from the one before it."""
    yield (-1, counts[0])
    for index, (before, count) in enumerate(pairwise(counts)):
        if count != before:
            yield (index, count)


def _x(second: float, timeline: Timeline) -> float:
    return round(second / timeline.seconds * WIDTH, 1)


def _axis(ticks: Sequence[float], timeline: Timeline) -> Markup:
    places = ((second, 100 * second / timeline.seconds) for second in ticks)
    marks = (
        element("span", _tick_text(second), style=f"left:{place:.2f}%")
        for second, place in places
        if place < LAST_LABEL
    )
    return element("div", marks, class_="axis", aria_hidden="true")


def _tick_text(second: float) -> str:
    return seconds_text(second).replace(".0 s", " s").replace(" 00 s", "") if second else "0"


def _pauses(timeline: Timeline) -> Markup | None:
    if not timeline.pauses:
        return None
    lengths = ", ".join(seconds_text(pause) for pause in timeline.pauses)
    return element("p", f"Dashed: a pause was taken out of the picture ({lengths}).", class_="quiet")
