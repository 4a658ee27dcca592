"""The object kind `languages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg import sql

from dtsrun.api import Connection, ObjectKind, StepContext, StepResult
from dtsrun.structure import restore

LANGUAGES: Final = """
    select l.lanname, l.lanpltrusted,
           l.lanplcallfoid::regproc::text as handler,
           nullif(l.laninline, 0)::regproc::text as inline,
           nullif(l.lanvalidator, 0)::regproc::text as validator
      from pg_language l
     where l.lanispl
"""
"""Names of functions come quoted, and with their schema where the search_path does not have it."""


class Languages(ObjectKind):
    """Procedural languages

    What it does
    ------------
    Creates languages that no extension brings, with their handler, inline handler and validator, and gives them to
    their owners.

    Why it matters
    --------------
    Functions name their language. For a language whose handler belongs to an extension or to the system, pg_dump
    writes a statement that no current version accepts; here the handler is read from the source's catalog.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    A superuser on the target, and the handler's library.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Languages that are extensions (plpgsql, plperl, plpython3u) come as extensions.
    """

    name = "object.languages"
    entry_types = ("PROCEDURAL LANGUAGE",)

    def do_restore(self, context: StepContext) -> StepResult:
        """Create languages with the handlers that the source's catalog names."""
        known = _statements(context.source())
        return restore(context, [_completed(entry, known) for entry in context.step.args["entries"]])


def _completed(entry: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    name = entry["label"].removeprefix("PROCEDURAL LANGUAGE ")
    statements = [known.get(name, text) if _lacks_handler(text) else text for text in entry["sql"]]
    return {**entry, "sql": statements}


def _lacks_handler(statement: str) -> bool:
    return statement.startswith("CREATE ") and " HANDLER " not in statement


def _statements(source: Connection) -> dict[str, str]:
    return {row.lanname: _statement(row).as_string() for row in source.execute(LANGUAGES)}


def _statement(row: Any) -> sql.Composed:
    # The server has quoted the functions' names already.
    clauses = [("handler", row.handler), ("inline", row.inline), ("validator", row.validator)]
    return sql.SQL("create or replace {}language {} {}").format(
        sql.SQL("trusted " if row.lanpltrusted else ""),
        sql.Identifier(row.lanname),
        sql.SQL(" ").join(sql.SQL(f"{word} {function}") for word, function in clauses if function),
    )
