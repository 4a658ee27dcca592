"""Durations, sizes, rates and times as the spec writes them.

Sizes follow PostgreSQL: `kB`, `MB`, `GB` are powers of 1024, as in `max_wal_size = 1GB` and in `pg_size_pretty`; so
1GB of the spec is 1GB of the server's own settings. `KiB`, `MiB`, `GiB` mean the same.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_POWERS: Final = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}

_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)"
_DURATION = re.compile(f"(?:{_PART})+")
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(?:([kKMGTP])i?)?B")


def parse_duration(value: str | int) -> float:
    """Return seconds from `30m`, `2h`, `1h30m`, `500ms` or 0.

    Raises:
        ValueError: it is none; says what one looks like.
    """
    text = str(value)
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError("expected a duration such as `90s`, `30m`, `2h`, `1h30m` or 0; units are ms, s, m, h, d")
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))


def parse_size(text: str) -> int:
    """Return bytes from `1GB` or `512 MB`.

    Raises:
        ValueError: it is none; says what one looks like.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("expected a size such as `512MB` or `1GB`; units are B, kB, MB, GB, TB, PB (powers of 1024)")
    return int(float(match[1]) * 1024 ** _POWERS[match[2] or ""])


def parse_rate(text: str) -> int:
    """Return bytes a second from `200MB/s`.

    Raises:
        ValueError: it is none, or zero; says what one looks like.
    """
    try:
        rate = parse_size(text.removesuffix("/s")) if text.endswith("/s") else 0
    except ValueError:
        rate = 0
    if rate < 1:
        raise ValueError("expected a rate such as `200MB/s`; units are B/s, kB/s, MB/s, GB/s (powers of 1024)")
    return rate


def parse_time(text: str) -> datetime | None:
    """Return a time with its zone, None for `immediate`.

    Raises:
        ValueError: it is no time, or has no zone.
    """
    if text == "immediate":
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expected `immediate` or a time with zone such as `2026-12-01T02:00:00+08:00`") from None
    if time.tzinfo is None:
        raise ValueError("expected a time with its zone: add `Z` or an offset such as `+08:00`")
    return time
