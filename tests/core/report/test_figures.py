"""Figures are written so that a person reads them at once, and no figure says more than is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dtsrun.report import figures

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the reader's own time zone a known one."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 kB"),
        (102_348, "99.9 kB"),
        (102_400, "100 kB"),
        (1024**2 - 1, "1.0 MB"),
        (1024**3 * 3 // 2, "1.5 GB"),
        (1024**4 * 250, "250 TB"),
        (1024**6, "1024 PB"),
    ],
)
def test_sizes_have_three_digits_and_the_units_of_postgresql(size: int | None, text: str) -> None:
    assert figures.size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0123, "12 ms"),
        (0.9999, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_spans_of_time_never_show_sixty_of_anything(seconds: float | None, text: str) -> None:
    assert figures.seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0:00"), (18.4, "0:18"), (65, "1:05"), (3723, "1:02:03"), (200_000, "2 d 7 h")],
)
def test_the_time_that_is_left_counts_down_like_a_clock(seconds: float | None, text: str) -> None:
    assert figures.countdown_text(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(None, "-"), (0.0, "0%"), (0.999, "99%"), (1.0, "100%"), (0.456, "45%")]
)
def test_a_percentage_is_rounded_down(fraction: float | None, text: str) -> None:
    assert figures.percent_text(fraction) == text


def test_an_unknown_rate_is_a_dash_and_a_stalled_one_is_zero() -> None:
    assert figures.rate_text(None) == "-"
    assert figures.rate_text(0.0) == "0 B/s"


@pytest.mark.parametrize(("count", "text"), [(1, "1 entry"), (0, "0 entries"), (1200, "1,200 entries")])
def test_one_is_not_many(count: int, text: str) -> None:
    assert figures.plural(count, "entry", "entries") == text


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=90), "1 min 30 s ago"),
        (timedelta(days=3, hours=4), "3 d 4 h ago"),
        (timedelta(seconds=-30), "just now"),
    ],
)
def test_how_long_ago(past: timedelta, text: str) -> None:
    assert figures.ago_text(NOON - past, NOON) == text


def test_a_moment_that_is_not_known_is_a_dash() -> None:
    assert figures.ago_text(None, NOON) == "-"
    assert figures.moment_text(None) == "-"


def test_a_moment_on_the_same_day_needs_no_date() -> None:
    later = NOON + timedelta(hours=2)
    assert figures.moment_text(later) == "2026-11-22 14:00:00 +0000"
    assert figures.moment_text(later, since=NOON) == "14:00:00"


def test_a_moment_on_another_day_has_its_date() -> None:
    assert figures.moment_text(NOON + timedelta(days=1), since=NOON) == "2026-11-23 12:00:00 +0000"
