r"""SQL scripts as psql runs them: statement by statement, each at its own place, each in its own transaction.

A script may hold `COPY ... FROM stdin` with its rows, and `\connect NAME`, so that plain dumps of pg_dump and
pg_dumpall are scripts too. Other commands of psql are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from dtsrun.api.routes import Route
from dtsrun.errors import MigrationError

# What a semicolon may stand in without ending a statement, and what opens and closes such a place.
_TOKEN: Final = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* | \*/ )
    | (?P<escape> \b[eE]'(?:[^'\\]|\\.|'')*' )
    | (?P<string> '(?:[^']|'')*' )
    | (?P<name> "(?:[^"]|"")*" )
    | (?P<dollar> (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$ )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<mark> [();] )
    | (?P<backslash> \\[^\n]* )
    """,
    re.VERBOSE | re.DOTALL,
)
_COPY: Final = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_ROUTINE: Final = re.compile(r"\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)
_CONNECT: Final = re.compile(r'\\c(?:onnect)?\s+(?:-\S+\s+)*(?:"((?:[^"]|"")+)"|(\S+))\s*$')
# Newer pg_dump guards its output with a pair of these.
_WITHOUT_EFFECT: Final = re.compile(r"\\(?:un)?restrict\b")
_END_OF_ROWS: Final = re.compile(r"^\\\.\r?\n?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One statement of a script, or the name of the database that what follows is for."""

    line: int
    """Where it begins, from 1."""
    sql: str = ""
    rows: str | None = None
    """What follows COPY ... FROM stdin."""
    connect: str | None = None


def run_script(route: Route, path: Path, database: str | None = None) -> None:
    """Run a script on a server with that server's own settings, beginning in a database.

    Raises:
        MigrationError: a statement fails; `where` is the file and line.
    """
    run_text(route, path.read_text(encoding="utf-8"), database, where=str(path))


def run_text(route: Route, text: str, database: str | None = None, *, where: str = "script") -> None:
    """Run the text of a script, as `run_script` does; `where` is what messages call it."""
    connection = _connect(route, database)
    try:
        for command in read_script(text, where):
            if command.connect is not None:
                connection.close()
                connection = _connect(route, command.connect)
            else:
                _execute(connection, command, f"{where}:{command.line}")
    finally:
        connection.close()


def read_script(text: str, where: str = "script") -> Iterator[Command]:
    """Yield the commands of a script in order.

    Raises:
        MigrationError: it holds a command of psql other than `\\connect`.
    """
    position = 0
    while True:
        begin, end, token = _next_statement(text, position)
        line = text.count("\n", 0, begin) + 1
        if token is not None and token.startswith("\\"):
            connect = _meta(token, f"{where}:{line}")
            if connect is not None:
                yield Command(line=line, connect=connect)
            position = end
            continue
        statement = text[begin:end]
        rows = None
        if _COPY.match(statement):
            rows, end = _rows(text, end)
        if statement.strip():
            yield Command(line=line, sql=statement, rows=rows)
        if token is None:
            return
        position = end


def _connect(route: Route, database: str | None) -> psycopg.Connection[Any]:
    return psycopg.connect(route.conninfo(database), autocommit=True, application_name="dtsrun script")


def _execute(connection: psycopg.Connection[Any], command: Command, where: str) -> None:
    try:
        with connection.cursor() as cursor:
            if command.rows is None:
                cursor.execute(command.sql.encode())
            else:
                with cursor.copy(command.sql.encode()) as copy:
                    copy.write(command.rows)
    except psycopg.Error as error:
        said = str(error).strip().splitlines()
        raise MigrationError(said[0] if said else type(error).__name__, where=where) from error


def _next_statement(text: str, position: int) -> tuple[int, int, str | None]:
    """Return begin and end of the next statement and what ended it: `;`, a command of psql, or None at the end."""
    depth = _Depth()
    begin = -1
    while found := _TOKEN.search(text, position):
        kind = found.lastgroup
        between = text[position : found.start()]
        if begin < 0 and between.strip():
            begin = position + len(between) - len(between.lstrip())
        position = found.end()
        if kind == "block":
            position = _end_of_comment(text, found.start())
        elif kind == "backslash":
            if begin < 0:
                return found.start(), position, found[0]
        elif kind != "comment":
            begin = found.start() if begin < 0 else begin
            if depth.ends(found[0], text, begin):
                return begin, position, ";"
    rest = text[position:]
    if begin < 0:
        begin = len(text) - len(rest.lstrip())
    return begin, len(text), None


class _Depth:
    """How deep in parentheses and in the body of an SQL-standard routine a statement is."""

    def __init__(self) -> None:
        self._parentheses = 0
        self._bodies = 0

    def ends(self, token: str, text: str, begin: int) -> bool:
        """Take in a token; return whether it ends the statement."""
        if token in "()":
            self._parentheses += 1 if token == "(" else -1
        elif token == ";":
            return self._parentheses <= 0 and self._bodies <= 0
        elif token.lower() in {"begin", "case", "end"} and _ROUTINE.match(text, begin):
            # As psql counts them: only a routine's body holds semicolons between these words.
            if token.lower() == "begin" or (token.lower() == "case" and self._bodies):
                self._bodies += 1
            elif self._bodies:
                self._bodies -= 1
        return False


def _end_of_comment(text: str, position: int) -> int:
    """Return where a block comment ends; they nest."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[position:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth <= 0:
            return position + mark.end()
    return len(text)


def _meta(command: str, where: str) -> str | None:
    if _WITHOUT_EFFECT.match(command):
        return None
    asked = _CONNECT.match(command.strip())
    if asked is None:
        raise MigrationError(
            f"the command of psql {command.split()[0]} is not known here", where=where, hint="only \\connect NAME is"
        )
    return asked[1].replace('""', '"') if asked[1] else asked[2]


def _rows(text: str, end: int) -> tuple[str, int]:
    begin = text.find("\n", end) + 1
    stop = _END_OF_ROWS.search(text, begin) if begin else None
    return (text[begin:], len(text)) if stop is None else (text[begin : stop.start()], stop.end())
