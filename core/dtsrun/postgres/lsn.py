"""Positions in the write-ahead log as numbers: `0/16B3748` is 23803720."""

from __future__ import annotations


def parse_lsn(text: str) -> int:
    """Return the number of a position as the server writes it. Raises ValueError."""
    high, separator, low = text.partition("/")
    if not separator:
        raise ValueError(f"{text!r} is no position in the write-ahead log")
    return (int(high, 16) << 32) | int(low, 16)


def format_lsn(position: int) -> str:
    """Return a position as the server writes it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
