"""Times are counted as a person would: work that overlaps once, pauses not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dtsrun.report.timing import (
    Interval,
    Span,
    busy_seconds,
    make_timeline,
    rows_of,
    running_at_once,
    union,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def interval(start: float, end: float) -> Interval:
    return Interval(START + timedelta(seconds=start), START + timedelta(seconds=end))


def test_what_ran_at_once_is_counted_once() -> None:
    assert busy_seconds([interval(0, 10), interval(2, 4), interval(9, 12), interval(20, 21)]) == 13


def test_nothing_took_no_time() -> None:
    assert busy_seconds([]) == 0
    assert make_timeline([]).seconds == 0


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    assert interval(10, 4).seconds == 0


def test_union_joins_what_touches() -> None:
    assert union([interval(5, 6), interval(0, 5), interval(7, 8)]) == [interval(0, 6), interval(7, 8)]


def test_a_long_pause_is_taken_out_and_remembered() -> None:
    timeline = make_timeline([interval(0, 100), interval(5000, 5050)])
    assert timeline.seconds == 150
    assert timeline.joints == (100,)
    assert timeline.pauses == (4900,)


def test_a_short_pause_stays() -> None:
    timeline = make_timeline([interval(0, 100), interval(109, 150)])
    assert timeline.seconds == 150
    assert timeline.joints == ()


def test_a_pause_that_is_short_beside_the_work_stays() -> None:
    timeline = make_timeline([interval(0, 6000), interval(6500, 7000)])
    assert timeline.joints == ()


def test_steps_are_drawn_where_they_ran_without_the_pause() -> None:
    timeline = make_timeline([interval(0, 100), interval(5000, 5050)])
    assert timeline.span(interval(10, 20)) == Span(10, 20)
    assert timeline.span(interval(5010, 5050)) == Span(110, 150)


def test_rows_do_not_overlap_and_are_used_again() -> None:
    spans = [Span(0, 10), Span(2, 4), Span(4, 8), Span(10, 12)]
    assert rows_of(spans) == [0, 1, 1, 0]


def test_rows_follow_the_order_of_time_not_of_the_list() -> None:
    assert rows_of([Span(5, 9), Span(0, 6)]) == [1, 0]


def test_how_many_ran_at_once_is_a_mean_of_each_part() -> None:
    counts = running_at_once([Span(0, 2), Span(1, 3), Span(3.5, 4)], seconds=4, bins=4)
    assert counts == pytest.approx([1, 2, 1, 0.5])


def test_the_sum_over_the_parts_is_the_work() -> None:
    spans = [Span(0.3, 7.1), Span(2.2, 9.9), Span(9.9, 10)]
    counts = running_at_once(spans, seconds=10, bins=13)
    assert sum(counts) * 10 / 13 == pytest.approx(sum(span.end - span.start for span in spans))
