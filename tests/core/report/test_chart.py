"""The chart: a bar for each step where they can be told apart, their number where they cannot."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from dtsrun.report.chart import BINS, MOST_BARS, MOST_TICKS, WIDTH, steps_chart, tick_seconds
from dtsrun.report.data import Bar
from dtsrun.report.timing import Interval

START = datetime(2026, 1, 1, tzinfo=UTC)


def bar(start: float, end: float, lane: str = "copy", state: str = "done", title: str = "copy t") -> Bar:
    interval = Interval(START + timedelta(seconds=start), START + timedelta(seconds=end))
    return Bar(key=title, stage="full", lane=lane, title=title, state=state, interval=interval)


def bars_of(chart: str) -> list[tuple[float, float]]:
    """Return where the bars of a chart begin and how wide they are."""
    found = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', chart)
    return [(float(x), float(width)) for x, width in found]


def test_nothing_ran_nothing_is_drawn() -> None:
    assert steps_chart([]) is None
    assert steps_chart([bar(1, 1)]) is None


def test_a_bar_stands_where_its_step_ran() -> None:
    chart = steps_chart([bar(0, 10), bar(5, 7, lane="index")])
    assert chart is not None
    assert bars_of(chart) == [(0, WIDTH), (WIDTH / 2, WIDTH / 5)]


def test_each_lane_has_a_strip_that_says_what_it_shows() -> None:
    chart = steps_chart([bar(0, 1, lane="structure"), bar(1, 3), bar(1, 3), bar(2, 3, lane="verify")])
    assert chart is not None
    assert re.findall(r"<figcaption><b>([^<]+)</b> <span>([^<]+)</span>", chart) == [
        ("structure", "1 step, 1 at once at most"),
        ("rows and large objects", "2 steps, 2 at once at most"),
        ("comparison", "1 step, 1 at once at most"),
    ]
    assert chart.count('role="img"') == 3


def test_the_shortest_step_can_still_be_seen() -> None:
    chart = steps_chart([bar(0, 1000), bar(1, 1.001)])
    assert chart is not None
    assert min(width for _, width in bars_of(chart)) == 1.5


def test_a_failed_step_is_marked_and_says_so() -> None:
    chart = steps_chart([bar(0, 2, state="failed")])
    assert chart is not None
    assert 'class="failed"' in chart
    assert "<title>copy t: 2.0 s, failed</title>" in chart


def test_thousands_of_steps_become_one_shape() -> None:
    chart = steps_chart([bar(i / 100, i / 100 + 0.5) for i in range(MOST_BARS * 10)])
    assert chart is not None
    assert bars_of(chart) == []
    assert chart.count("<path") == 1
    assert "4,000 steps" in chart
    assert len(chart) < 40 * BINS


def test_a_pause_is_taken_out_and_said() -> None:
    chart = steps_chart([bar(0, 50), bar(7200, 7250)])
    assert chart is not None
    assert bars_of(chart) == [(0, WIDTH / 2), (WIDTH / 2, WIDTH / 2)]
    assert "a pause was taken out of the picture (1 h 59 min)" in chart
    assert f'<line x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="0" y2="10" class="joint"/>' in chart


def test_titles_are_escaped() -> None:
    chart = steps_chart([bar(0, 1, title="copy <b>")])
    assert chart is not None
    assert "copy &lt;b&gt;" in chart


@pytest.mark.parametrize("seconds", [0.3, 1, 7, 59, 61, 3599, 86_400, 2_000_000])
def test_ticks_are_round_few_and_within(seconds: float) -> None:
    ticks = tick_seconds(seconds)
    assert ticks[0] == 0
    assert len(ticks) <= MOST_TICKS
    assert ticks[-1] <= seconds
    assert len(ticks) >= 2
