"""A table to copy: what its step's arguments say, and the statements that come of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table to copy: the arguments of its step."""

    schema: str
    name: str
    columns: Sequence[str]
    """Without generated ones."""
    encoding: str
    """Of the source database: its server sends the bytes as they are, the target converts."""
    key: Sequence[str] = ()
    filter: str | None = None
    """A boolean expression: which rows are moved."""
    where: str | None = None
    """What an extension says which rows of its table are the user's: the end of a query, `WHERE ...`."""
    fresh: bool = True
    """Whether this task alone made the table and fills it."""
    freeze: bool = True
    """Whether a fresh table's rows are frozen as they come, so that no vacuum has to visit them."""
    few: bool = False
    """Whether it has so few rows that a relay is not worth its beginning."""
    trusts: Sequence[str] = ()
    """Keys of the steps that fill the tables which its foreign keys refer to, where these are taken on trust: see
    `dtsrun.trusted_keys`."""
    root: Sequence[str] | None = None
    """Schema and name of the partitioned table at the top."""
    routed: bool = False
    """Whether the rows go into the root, and the target finds the partition of each."""
    pages: Sequence[int | None] = ()
    """First page of a part of the table, and the first page after it; None: from the beginning, to the end."""
    format: str = "text"
    """text | binary: see `dtsrun.copy_format`."""
    format_reason: str = ""
    """Why text, where binary would have been taken."""
    format_refused: bool = False
    """Whether the spec asks for binary and cannot have it here."""

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.schema, self.name)

    @property
    def label(self) -> str:
        """For people."""
        return f"TABLE {self.schema}.{self.name}"

    def copy_to(self) -> sql.Composable:
        """Return the statement for the source."""
        options = sql.SQL("to stdout with (format {}{})").format(sql.SQL(self.format), self._encoded(self.encoding))
        is_whole = not (self.filter or self.where or self.pages)
        what = self._with_columns() if is_whole else sql.SQL("({})").format(self._query())
        return sql.SQL("copy {} {}").format(what, options)

    def copy_from(self, own_encoding: str, *, freeze: bool) -> sql.Composable:
        """Return the statement for the target.

        Args:
            own_encoding: the target database's.
        """
        into = sql.Identifier(*self.root) if self.routed and self.root else self.identifier
        # Bytes said to be SQL_ASCII are taken unseen, also by a database where they are not valid.
        encoding = own_encoding if self.encoding == "SQL_ASCII" else self.encoding
        return sql.SQL("copy {} {} from stdin with (format {}{}, freeze {})").format(
            into, self._column_list(), sql.SQL(self.format), self._encoded(encoding), sql.Literal(freeze)
        )

    def row_at(self, line: int) -> sql.Composed:
        """Return the query for the key of the row that a COPY sends in a line; the place in the table also makes the
        server read the table and not an index over the key."""
        texts = [sql.SQL("{}::pg_catalog.text").format(sql.Identifier(column)) for column in self.key]
        wanted = sql.SQL(", ").join([sql.SQL("ctid::pg_catalog.text as place"), *texts])
        return sql.SQL("select {} from only {} {} offset {} limit 1").format(
            wanted, self.identifier, self._in_pages(), sql.Literal(line - 1)
        )

    def _encoded(self, encoding: str) -> sql.Composable:
        # In binary the client_encoding counts, which is UTF8 in all our sessions.
        return sql.SQL(", encoding {}").format(sql.Literal(encoding)) if self.format == "text" else sql.SQL("")

    def _with_columns(self) -> sql.Composable:
        return sql.SQL("{} {}").format(self.identifier, self._column_list())

    def _column_list(self) -> sql.Composable:
        # A table without columns has rows too; `()` is no list of columns, none at all is right.
        return sql.SQL("({})").format(self._names()) if self.columns else sql.SQL("")

    def _names(self) -> sql.Composable:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    def _in_pages(self) -> sql.Composable:
        """Return the condition for a part; from version 14 on the server reads no other pages for it."""
        bounds = zip(("ctid >= {}", "ctid < {}"), self.pages, strict=False)
        conditions = [sql.SQL(text).format(sql.Literal(f"({page},0)")) for text, page in bounds if page is not None]
        return sql.SQL("where {}").format(sql.SQL(" and ").join(conditions)) if conditions else sql.SQL("")

    def _query(self) -> sql.Composable:
        # What an extension's table has is never cut into parts.
        end = sql.SQL(self.where) if self.where else self._in_pages()
        if not self.filter:
            return sql.SQL("select {} from only {} {}").format(self._names(), self.identifier, end)
        # Others wrote the conditions: a comment at the end of one must not swallow what follows.
        return sql.SQL("select {} from (select * from only {} {}\n) as {} where ({}\n)").format(
            self._names(), self.identifier, end, sql.Identifier(self.name), sql.SQL(self.filter)
        )


WAY: Final = "way"
"""Key of a step's detail: how its rows went."""


def way_text(ways: Iterable[tuple[str, str]]) -> str:
    """Return how rows went, given what moved them and in which format: `relay, binary and text`."""
    movers, formats = (dict.fromkeys(parts) for parts in zip(*sorted(ways), strict=True))
    return f"{' and '.join(movers)}, {' and '.join(sorted(formats))}"


def arguments(table: Table) -> Mapping[str, Any]:
    """Return a table as arguments of a step, without what is as usual."""
    usual: Mapping[str, Any] = {
        "key": (),
        "filter": None,
        "where": None,
        "fresh": True,
        "freeze": True,
        "few": False,
        "trusts": (),
        "root": None,
        "routed": False,
        "pages": (),
        "format": "text",
        "format_reason": "",
        "format_refused": False,
    }
    given = {name: getattr(table, name) for name in Table.__dataclass_fields__}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if name not in usual or value != usual[name]
    }
