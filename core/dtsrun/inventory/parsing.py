"""What sqlglot reads in a statement: the tables that it names."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

# It warns of every statement that it only half understands.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def parsed(text: str) -> list[Any] | None:
    """Return the trees of a text; None where it cannot be parsed."""
    try:
        trees = sqlglot.parse(text, read="postgres")
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, LookupError):
        # Half of PL/pgSQL is no SQL, and a parser that trips over it must not stop a migration: no edge.
        return None
    return [tree for tree in trees if tree is not None and not isinstance(tree, exp.Command)]


def named_tables(trees: Iterable[Any]) -> Iterator[tuple[str | None, str]]:
    """Yield the tables that trees name, with their schema where it is named; those of CTEs left out."""
    for tree in trees:
        nodes = list(tree.find_all(exp.CTE, exp.Table))
        local = {_folded(n.args["alias"].this) for n in nodes if isinstance(n, exp.CTE) and n.args.get("alias")}
        for table in nodes:
            if isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier):
                schema = table.args.get("db")
                name = _folded(table.this)
                if schema or name not in local:
                    yield (_folded(schema) if schema else None), name


def _folded(identifier: exp.Identifier) -> str:
    return str(identifier.this) if identifier.args.get("quoted") else str(identifier.this).lower()
