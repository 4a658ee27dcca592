"""The page on hooks and on the contracts that plugins keep and are handed."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from textwrap import dedent
from typing import Any, Final

from dtsrun.api import (
    AccessContext,
    Check,
    CheckContext,
    EngineContext,
    GateContext,
    PlanContext,
    Plugin,
    StepContext,
    ThrottleContext,
)
from dtsrun.api.hooks import ENTRY_POINT_GROUP
from dtsrun.registry import FAMILIES, Family
from dtsrun.report.reference.markdown import first_paragraph, page, table

HANDED_IN: Final = (AccessContext, CheckContext, PlanContext, StepContext, EngineContext, GateContext, ThrottleContext)
"""What plugins are handed."""


def hooks_page() -> str:
    """Return the hooks, and the contract of what each hands in."""
    text = (
        f"A distribution of plugins declares an entry point of the group `{ENTRY_POINT_GROUP}` that names a module."
        " The module implements any of these hooks with `@hookimpl` of `dtsrun.api`; each returns a sequence of"
        " classes. A file that a spec names in `plugins` does the same without an entry point. The order of calls means"
        " nothing: plugins are ordered by their `requires` and `after`."
    )
    return page("# Hooks and contracts", text, *(part for family in FAMILIES for part in _hook(family)), *_shared())


def _hook(family: Family) -> Iterator[str]:
    yield f"## {family.hook}"
    yield f"Returns classes that extend `{family.base.__name__}`; their names begin with `{family.name}.`."
    yield first_paragraph(family.base)
    yield from _members(Check if issubclass(family.base, Check) else family.base)


def _shared() -> Iterator[str]:
    yield "## What all families share"
    yield from _members(Plugin)
    yield "## What plugins are handed"
    for context in HANDED_IN:
        yield f"### {context.__name__}"
        yield first_paragraph(context)
        yield from _members(context)


def _members(contract: type[object]) -> Iterator[str]:
    own = {name: member for name, member in vars(contract).items() if not name.startswith("_")}
    rows = [(f"`{name}`", words) for name, words in _attributes(contract)]
    rows += [
        (f"`{name}`", _words(member) or _kind_of(_returned(member)))
        for name, member in own.items()
        if isinstance(member, property)
    ]
    methods = [member for member in own.values() if inspect.isfunction(member)]
    rows += [(f"`{method.__name__}{_parameters(method)}`", _words(method)) for method in methods]
    yield table(("member", "meaning"), rows)


def _attributes(contract: type[object]) -> Iterator[tuple[str, str]]:
    """Yield the class variables that a string follows; it is not kept at run time."""
    [definition] = ast.parse(dedent(inspect.getsource(contract))).body
    assert isinstance(definition, ast.ClassDef)
    for statement, following in pairwise([*definition.body, ast.Pass()]):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, _text_of(following) or _kind_of(ast.unparse(statement.annotation))


def _text_of(statement: ast.stmt) -> str:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return " ".join(str(statement.value.value).split()) if is_text else ""  # type: ignore[attr-defined] # just asked


def _returned(member: property) -> str:
    return str(inspect.signature(member.fget).return_annotation) if member.fget else ""


def _kind_of(annotation: str) -> str:
    """Return what stands in for words where the type says all: `ClassVar[Severity]` is a `Severity`."""
    return f"`{annotation.removeprefix('ClassVar[').removesuffix(']') if 'ClassVar' in annotation else annotation}`"


def _parameters(method: Any) -> str:
    return f"({', '.join(name for name in inspect.signature(method).parameters if name != 'self')})"


def _words(method: Any) -> str:
    needed = " Must be written." if getattr(method, "__isabstractmethod__", False) else ""
    return " ".join((inspect.getdoc(method) or "").split()) + needed
