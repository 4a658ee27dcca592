"""Texts that are written once and seldom read: definitions by the hundred thousand, which memory need not hold."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from typing import Final

FLUSHED_BYTES: Final = 256 * 1024
"""What is gathered before it is written."""


class Texts:
    """A file without a name, which no other process can open and which is gone with its last user: definitions may hold
    secrets (user mappings, subscriptions). Safe to use from several threads."""

    def __init__(self) -> None:
        """Raises OSError where no temporary file can be made."""
        with tempfile.TemporaryFile(prefix="dtsrun-") as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        self._lock = threading.Lock()
        self._written = 0
        self._gathered = bytearray()

    def put(self, text: bytes) -> int:
        """Add a text and return where it begins. Raises OSError: the disk is full."""
        with self._lock:
            position = self._written + len(self._gathered)
            self._gathered += text
            if len(self._gathered) >= FLUSHED_BYTES:
                self._write()
            return position

    def get(self, position: int, length: int) -> bytes:
        """Return the text that begins at a position."""
        if not length:
            return b""
        if position + length > self._written:
            with self._lock:
                self._write()
        found = os.pread(self._file, length, position)
        while len(found) < length:
            more = os.pread(self._file, length - len(found), position + len(found))
            if not more:
                raise OSError(f"a temporary file is cut off at {position + len(found)} bytes")
            found += more
        return found

    def _write(self) -> None:
        while self._gathered:
            done = os.pwrite(self._file, self._gathered, self._written)
            self._written += done
            del self._gathered[:done]
