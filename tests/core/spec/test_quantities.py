"""Durations, sizes, rates and times mean what a DBA means by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dtsrun.spec.quantities import parse_duration, parse_rate, parse_size, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (0, 0),
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_in_seconds(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "30", 30, -1, "-5m", "5 m", "m", "1w", "1h30", "1e3s", "٣s", "30M", "9" * 50 + "s"]
)
def test_a_duration_without_a_known_unit_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8192B", 8192),
        ("1kB", 1024),
        ("1KB", 1024),
        ("1KiB", 1024),
        ("512 MB", 512 * 1024**2),
        ("1GB", 1024**3),
        ("1GiB", 1024**3),
        ("1.5GB", 1536 * 1024**2),
        ("2TB", 2 * 1024**4),
        ("1PB", 1024**5),
        ("0B", 0),
    ],
)
def test_a_size_is_in_postgresqls_units_which_are_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "1", "1g", "1gb", "1Gb", "-1GB", "GB", "1GB/s", "1 G B", "1EB", "1,5GB"])
def test_a_size_without_a_known_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size such as"):
        parse_size(text)


def test_a_rate_is_in_bytes_a_second() -> None:
    assert parse_rate("200MB/s") == 200 * 1024**2


@pytest.mark.parametrize("text", ["200MB", "0MB/s", "200Mb/s", "MB/s", "200MB/m", "/s", ""])
def test_a_rate_needs_its_unit_and_is_not_zero(text: str) -> None:
    with pytest.raises(ValueError, match="expected a rate such as"):
        parse_rate(text)


def test_a_time_keeps_its_zone() -> None:
    time = parse_time("2026-12-01T02:00:00+08:00")
    assert time == datetime(2026, 11, 30, 18, tzinfo=UTC)
    assert time is not None
    assert time.utcoffset() == timedelta(hours=8)
    assert parse_time("2026-12-01 02:00Z") == datetime(2026, 12, 1, 2, tzinfo=UTC)


def test_immediate_is_no_time() -> None:
    assert parse_time("immediate") is None


@pytest.mark.parametrize("text", ["2026-12-01T02:00:00", "2026-12-01", "2026-12-01 02:00"])
def test_a_time_without_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="add `Z` or an offset"):
        parse_time(text)


@pytest.mark.parametrize("text", ["", "tomorrow", "now", "2026-13-01T00:00Z", "22:30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected `immediate` or a time"):
        parse_time(text)
