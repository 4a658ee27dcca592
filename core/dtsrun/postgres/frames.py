"""Where the messages of PostgreSQL's protocol begin and end in a stream of bytes.

A message is one byte for its type, four for its length (which counts itself, not the type), and its content. Rows of
a COPY travel as CopyData messages, one a row, and the only way to the message behind a row leads over the row's
length. Walking there costs a tenth of a microsecond a row, which for narrow rows is more than all the rest of moving
them. Rows of the same length are therefore taken together: if the header at a boundary stands again one length
further on, there is a boundary too, and so on; comparing the five bytes at that stride is done by slices, ten times
as fast. Neither way ever assumes a boundary that no header before it has given.
"""

from __future__ import annotations

import struct
from typing import Final

HEADER_BYTES: Final = 5
"""Type and length."""
COPY_DATA: Final = ord("d")
COPY_IN: Final = ord("G")
COPY_OUT: Final = ord("H")
ERROR: Final = ord("E")

RUN_WORTH: Final = 32
"""From so many rows of one length on, looking for more of them is cheaper than walking."""
FIRST_LOOK: Final = 16
"""How many rows are compared at first; eight times as many while all are alike."""
LEAST_WALK: Final = 64
"""How many rows are walked before we look for a run again; twice as many each time that there was none."""
LONGEST_WALK: Final = 1 << 16

read_header: Final = struct.Struct(">BI").unpack_from
"""Return type and length of the message that begins at an offset."""


def skip_rows(buffer: bytearray, start: int, end: int) -> tuple[int, int]:
    """Walk over CopyData messages; `start` is a boundary.

    Returns:
        The offset where the walk ends, and the number of CopyData messages that begin before it. The offset is that
        of the first other message, or of a header of which not all is there, or, where the last CopyData message
        is longer than what is there, the place beyond `end` where it ends.
    """
    last = end - HEADER_BYTES
    at, count, walk = start, 0, LEAST_WALK
    while at <= last:
        kind, length = read_header(buffer, at)
        if kind != COPY_DATA:
            break
        alike = _run(buffer, at, length + 1, (last - at) // (length + 1) + 1)
        at += alike * (length + 1)
        count += alike
        if alike >= RUN_WORTH:
            walk = LEAST_WALK
            continue
        at, walked = _walk(buffer, at, last, walk)
        count += walked
        walk = min(2 * walk, LONGEST_WALK)
    return at, count


def _walk(buffer: bytearray, at: int, last: int, most: int) -> tuple[int, int]:
    """Walk over at most so many CopyData messages, from header to header."""
    read = read_header  # a local name is found faster, and this is the inner loop
    for count in range(most):
        if at > last:
            return at, count
        kind, length = read(buffer, at)
        if kind != COPY_DATA:
            return at, count
        at += length + 1
    return at, most


def _run(buffer: bytearray, at: int, size: int, most: int) -> int:
    """Return how many messages of this size, at most `most`, begin with the header that stands at `at`."""
    header = buffer[at : at + HEADER_BYTES]
    found, window = 1, min(FIRST_LOOK, most)
    while found < most:
        window = min(window, most - found)
        alike = _repeats(buffer, at + found * size, size, window, header)
        found += alike
        if alike < window:
            break
        window *= 8
    return found


def _repeats(buffer: bytearray, at: int, size: int, most: int, header: bytearray) -> int:
    """Return how often a header stands at `at`, `at + size`, and so on, without a gap."""
    # The lowest byte of the length differs most often.
    for place in range(HEADER_BYTES - 1, -1, -1):
        column = buffer[at + place : at + place + size * most : size]
        most = len(column) - len(column.lstrip(header[place : place + 1]))
    return most
