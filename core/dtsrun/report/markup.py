"""HTML that is escaped unless it says that it is HTML: every text of a server goes through here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "col", "hr", "line", "meta", "path", "rect"})
"""Elements that are written without an end; those of SVG are closed in place."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Iterable[str] | None
Attribute = str | float | None


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element. Text is escaped; `None` is left out. `class_` stands for `class`, `_` for `-`."""
    start = "".join([tag, *(_attribute(name, value) for name, value in attributes.items())])
    if tag in VOID and not children:
        return Markup(f"<{start}/>")
    return Markup(f"<{start}>{join(*children)}</{tag}>")


def join(*children: Child) -> Markup:
    """Return children one after the other, escaped where they are not `Markup`."""
    return Markup("".join(_inner(child) for child in children))


def _attribute(name: str, value: Attribute) -> str:
    if value is None:
        return ""
    return f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'


def _inner(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(_printable(child), quote=False)
    return "".join(_inner(part) for part in child)


def _printable(text: str) -> str:
    # HTML forbids control characters even as references; an object may be named with one.
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
