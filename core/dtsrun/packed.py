"""Steps of many tables, held small: a plan for 100,000 tables says more of them than a runner should hold.

What a step is to do is needed when it runs, not while others do. So long arguments and long lists of names are held as
compressed text, and read as if they were not.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, overload

from dtsrun.api import Step

LEAST_BYTES: Final = 1024
"""Of arguments as JSON, from which on they are packed."""

LEAST_NAMES: Final = 16

LEVEL: Final = 1
"""Of compression: definitions resemble each other so much that more of it gains little."""


class PackedArgs(Mapping[str, Any]):
    """JSON values by name, read anew whenever one is asked for."""

    __slots__ = ("_names", "_packed")

    def __init__(self, names: Sequence[str], text: bytes) -> None:
        """Args: text: all values, as a JSON object."""
        self._names = tuple(names)
        self._packed = zlib.compress(text, LEVEL)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self.unpacked()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __eq__(self, other: object) -> bool:
        return self.unpacked() == unpacked_args(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # like a dict

    def __repr__(self) -> str:
        return repr(self.unpacked())

    def unpacked(self) -> dict[str, Any]:
        """Return all values."""
        found: dict[str, Any] = json.loads(zlib.decompress(self._packed))
        return found


class PackedNames(Sequence[str]):
    """Names that are read anew whenever they are looked at."""

    __slots__ = ("_count", "_packed")

    def __init__(self, names: Sequence[str]) -> None:
        self._count = len(names)
        self._packed = zlib.compress("\0".join(names).encode("utf-8", "surrogatepass"), LEVEL)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._unpacked()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._unpacked())

    def __contains__(self, name: object) -> bool:
        return name in self._unpacked()

    def __eq__(self, other: object) -> bool:
        return self._unpacked() == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to a list

    def __repr__(self) -> str:
        return repr(tuple(self._unpacked()))

    def _unpacked(self) -> list[str]:
        return zlib.decompress(self._packed).decode("utf-8", "surrogatepass").split("\0")


def packed(step: Step) -> Step:
    """Return a step whose long arguments and names are packed."""
    provides, needs, locks = map(packed_names, (step.provides, step.needs, step.locks))
    return replace(step, args=_packed_args(step.args), provides=provides, needs=needs, locks=locks)


def packed_names(names: Sequence[str]) -> Sequence[str]:
    """Return names packed where they are many."""
    is_packable = len(names) >= LEAST_NAMES and not isinstance(names, PackedNames)
    return PackedNames(names) if is_packable else names


def unpacked(step: Step) -> Step:
    """Return a step whose arguments are at hand, to run it."""
    return replace(step, args=unpacked_args(step.args)) if isinstance(step.args, PackedArgs) else step


def unpacked_args(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return arguments that are at hand."""
    return args.unpacked() if isinstance(args, PackedArgs) else args


def _packed_args(args: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(args, PackedArgs) or not args:
        return args
    text = json.dumps(args, default=str).encode()
    return PackedArgs(tuple(args), text) if len(text) >= LEAST_BYTES else args
