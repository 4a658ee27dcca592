"""SQL that stands in a spec: row filters, and the queries of the user's own checks.

A filter becomes part of a statement of ours, so two independent readers must agree that it is one closed expression: a
scanner by PostgreSQL's lexical rules (the manual's section 4.1), which nothing gets past into the next statement or
out of its parentheses, and sqlglot, which says what kind of expression it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

MAX_LENGTH: Final = 10_000

Tree = TypeVar("Tree")

_LEXEME = re.compile(
    r"""
      (?P<text>  [eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
               | \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? \$(?P=tag)\$ )
    | (?P<word>  [^\W\d][\w$]* | \d[\w.]* )
    | (?P<comment> -- | /\* )
    | (?P<open>  [(\[] )
    | (?P<close> [)\]] )
    | (?P<stop>  ; )
    | (?P<quote> ['"] )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)

_CLOSING: Final = {"(": ")", "[": "]"}
_UNCLOSED: Final = "expected an expression that closes all of its quotes and parentheses, and no more"

_NOT_BOOLEAN: Final = (
    exp.Literal,
    exp.Null,
    exp.Star,
    exp.Interval,
    exp.Tuple,
    exp.Array,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.Pow,
    exp.DPipe,
    exp.BitwiseAnd,
    exp.BitwiseOr,
    exp.BitwiseXor,
    exp.BitwiseNot,
)
"""Roots that are surely no condition. Columns, functions and operators may be one; the server knows."""

_FORBIDDEN: Final[tuple[tuple[tuple[type[exp.Expr], ...], str], ...]] = (
    ((exp.Query, exp.Exists), "a subquery"),
    ((exp.Window,), "a window function"),
    ((exp.AggFunc, exp.Filter, exp.WithinGroup), "an aggregate"),
    ((exp.Parameter, exp.Placeholder), "a parameter"),
    ((exp.DDL, exp.DML, exp.Command), "a statement"),
)

_AGGREGATES: Final = frozenset(
    {
        "any_value",
        "array_agg",
        "bit_xor",
        "every",
        "json_agg",
        "json_agg_strict",
        "json_arrayagg",
        "json_object_agg",
        "json_object_agg_strict",
        "json_object_agg_unique",
        "json_objectagg",
        "jsonb_agg",
        "jsonb_agg_strict",
        "jsonb_object_agg",
        "jsonb_object_agg_strict",
        "jsonb_object_agg_unique",
        "range_agg",
        "range_intersect_agg",
        "regr_avgx",
        "regr_avgy",
        "regr_count",
        "regr_intercept",
        "regr_r2",
        "regr_slope",
        "regr_sxx",
        "regr_sxy",
        "regr_syy",
        "xmlagg",
    }
)
"""PostgreSQL's aggregates that sqlglot takes for functions of the user."""

_FIRST_WORDS: Final = ("select", "with", "values", "table", "(")
_WRITING: Final = (exp.DDL, exp.DML, exp.Command, exp.Into, exp.Lock)


def check_row_filter(text: str) -> None:
    """Check that a text is one boolean expression over the columns of a row.

    Raises:
        ValueError: it is not; says why.
    """
    _check_closed(text)
    # Alone, and as it will be used: sqlglot takes a word such as `values` for a column in the one and not in the other.
    for form in (text, f"({text})"):
        _check_condition(form)


def check_query(text: str) -> None:
    """Check that a text is one query that only reads.

    Raises:
        ValueError: it is not; says why.
    """
    tokens = _parse(lambda: sqlglot.tokenize(text, read="postgres"), "one query")
    if tokens and tokens[0].text.lower() not in _FIRST_WORDS:
        raise ValueError("expected a query (select, with, values, table), found another statement")
    statements = [tree for tree in _parse(lambda: sqlglot.parse(text, dialect="postgres"), "one query") if tree]
    if len(statements) != 1:
        raise ValueError(f"expected one query, found {len(statements) or 'no'} statements")
    if any(isinstance(node, _WRITING) for node in statements[0].walk()):
        raise ValueError("expected a query that only reads, found a part that writes or locks")


def _check_closed(text: str) -> None:
    """Raise unless the text ends every quote and bracket that it opens, and holds neither comment nor semicolon."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"expected at most {MAX_LENGTH} characters")
    awaited: list[str] = []
    for lexeme in _LEXEME.finditer(text):
        kind, mark = lexeme.lastgroup, lexeme.group()
        if kind == "comment":
            raise ValueError("expected an expression without comments")
        if kind == "stop":
            raise ValueError("expected one expression, found `;`")
        if kind == "open":
            awaited.append(_CLOSING[mark])
        elif kind == "quote" or (kind == "close" and (not awaited or awaited.pop() != mark)):
            raise ValueError(_UNCLOSED)
    if awaited:
        raise ValueError(_UNCLOSED)


def _check_condition(text: str) -> None:
    [tree] = _parse(lambda: [sqlglot.parse_one(text, into=exp.Condition, dialect="postgres")], "one boolean expression")
    for node in tree.walk():
        if found := _forbidden(node):
            raise ValueError(f"expected one boolean expression over the row's columns, found {found}")
    root = tree.unnest()
    if isinstance(root, _NOT_BOOLEAN) or _is_other_cast(root):
        raise ValueError("expected a boolean expression, found a value that is neither true nor false")


def _parse(parse: Callable[[], Sequence[Tree]], expected: str) -> Sequence[Tree]:
    """Return what sqlglot makes of it. Its messages quote the text at length, so they are not passed on."""
    try:
        return parse()
    except SqlglotError as error:
        raise ValueError(f"expected {expected}, found SQL that cannot be parsed as one") from error
    except RecursionError as error:
        raise ValueError(f"expected {expected}, found one that is nested too deeply") from error


def _forbidden(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Anonymous) and node.name.lower() in _AGGREGATES:
        return "an aggregate"
    return next((name for kinds, name in _FORBIDDEN if isinstance(node, kinds)), None)


def _is_other_cast(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and not node.is_type("boolean")
