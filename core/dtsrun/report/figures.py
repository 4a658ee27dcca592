"""How figures are written for people: sizes, counts, times, rates. The same in the terminal and on the page."""

from __future__ import annotations

from datetime import datetime, timedelta

UNKNOWN = "-"
SIZE_UNITS = ("kB", "MB", "GB", "TB", "PB")
"""As PostgreSQL's pg_size_pretty names them: steps of 1024."""
MINUTE, HOUR, DAY = 60, 3600, 86400


def size_text(size: float | None) -> str:
    """Return a number of bytes as `980 B`, `12.3 MB`, `512 GB`."""
    if size is None:
        return UNKNOWN
    if size < 1024:
        return f"{size:.0f} B"
    exponent, scaled = 0, size / 1024
    while scaled >= 999.5 and exponent < len(SIZE_UNITS) - 1:
        exponent, scaled = exponent + 1, scaled / 1024
    return f"{_three_digits(scaled)} {SIZE_UNITS[exponent]}"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}"


def rate_text(rate: float | None) -> str:
    """Return bytes a second as `83.0 MB/s`."""
    return UNKNOWN if rate is None else f"{size_text(rate)}/s"


def count_text(count: float | None) -> str:
    """Return a count with its thousands parted: `1,003,211`."""
    return UNKNOWN if count is None else f"{count:,.0f}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return `1 table`, `1,200 tables`; `nouns` is the plural where it is not made with an s."""
    return f"{count_text(count)} {noun if count == 1 else nouns or noun + 's'}"


def seconds_text(seconds: float | None) -> str:
    """Return a span of time with as much detail as matters: `12 ms`, `8.4 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def countdown_text(seconds: float | None) -> str:
    """Return the time that is left as `0:18`, `1:02:03`, `3 d 4 h`."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole >= DAY:
        return seconds_text(whole)
    minutes = f"{whole % HOUR // MINUTE:02d}:{whole % MINUTE:02d}"
    return f"{whole // HOUR}:{minutes}" if whole >= HOUR else minutes.removeprefix("0")


def moment_text(moment: datetime | None, *, since: datetime | None = None) -> str:
    """Return a moment in the reader's own time zone, with its offset; the time alone on the day of `since`."""
    if moment is None:
        return UNKNOWN
    local = moment.astimezone()
    if since is not None and since.astimezone().date() == local.date():
        return clock_text(moment)
    return f"{local:%Y-%m-%d %H:%M:%S %z}"


def clock_text(moment: datetime) -> str:
    """Return the time of day in the reader's own time zone."""
    return f"{moment.astimezone():%H:%M:%S}"


def ago_text(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was: `3 min 20 s ago`, `just now`."""
    if moment is None:
        return UNKNOWN
    past = now - moment
    if past < timedelta(seconds=5):
        return "just now"
    return f"{seconds_text(max(1, round(past.total_seconds())))} ago"


def percent_text(fraction: float | None) -> str:
    """Return a part of the whole, rounded down so that 100% is said only of what is complete."""
    return UNKNOWN if fraction is None else f"{int(fraction * 100)}%"
