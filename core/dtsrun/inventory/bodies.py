"""Edges out of function bodies that PostgreSQL keeps as strings, where neither it nor pg_dump knows what they name.

A body is cut into statements (those of PL/pgSQL among its control words), each is parsed by sqlglot, and the relations
and routines that it names are looked up along the function's search_path. A guess: what cannot be parsed, or is put
together when the function runs, gives no edge.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dtsrun.api import Connection, Entry
from dtsrun.inventory.facts import ObjectId, query

LONGEST_BODY: Final = 200_000
"""Bytes; longer ones are generated code, and take seconds to parse."""

LONGEST_SECONDS: Final = 60.0
"""For all bodies of a database, some twenty thousand; what is left then has no edges."""

_RELATIONS: Final = 1259
_ROUTINES: Final = 1255
_EXTENSIONS: Final = 3079
"""OIDs of the catalogs, which never change."""

_DEPTH: Final = {"(": 1, "[": 1, ")": -1, "]": -1}

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | --[^\n]* | /\*.*?\*/ )
  | (?P<string> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<quoted> "(?:[^"]|"")+" )
  | (?P<word> [^\W\d][\w$]* )
  | (?P<number> \d[\w.]*?(?=\.\.|[^\w.]|$) )
  | (?P<sign> := | :: | \.\. | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_QUERIES: Final = frozenset(
    {"select", "insert", "update", "delete", "merge", "with", "values", "table", "truncate", "perform", "execute"}
)
"""Words that a statement which names relations begins with; the last two are PL/pgSQL's."""

_CONTROL: Final = frozenset({"begin", "declare", "then", "else", "loop", "exception"})
"""Words of PL/pgSQL after which a statement begins."""

_SEQUENCE_FUNCTIONS: Final = frozenset({"nextval", "currval", "setval"})
_NO_CALL_AFTER: Final = frozenset({"into", "table", "update", "as", "on"})
"""What stands before a name whose parenthesis holds columns, not arguments."""


class Token(NamedTuple):
    """A word, string or sign of a body."""

    kind: str
    text: str
    start: int
    end: int
    word: str
    """In lower case; empty for what is not a bare word."""
    name: str
    """As an identifier means it; empty for what is none."""
    depth: int
    """How much deeper in parentheses and brackets it leads."""

    @classmethod
    def of(cls, match: re.Match[str]) -> Token:
        kind, text = match.lastgroup or "", match.group()
        word = text.lower() if kind == "word" else ""
        name = text[1:-1].replace('""', '"') if kind == "quoted" else word
        depth = _DEPTH.get(text, 0) if kind == "sign" else 0
        return cls(kind, text, match.start(), match.end(), word, name, depth)

    @property
    def content(self) -> str:
        """What a string holds."""
        if self.text.startswith("$"):
            delimiter = self.text[: self.text.index("$", 1) + 1]
            return self.text[len(delimiter) : -len(delimiter)]
        return self.text[self.text.index("'") + 1 : -1].replace("''", "'")


@dataclass(frozen=True, slots=True)
class Body:
    """A routine whose body is a string."""

    oid: int
    schema: str
    language: str
    body: str
    search_path: str | None


@dataclass(frozen=True, slots=True)
class Routine:
    """A routine that a body may call, and how many arguments it takes."""

    object: ObjectId
    least: int
    most: int


class Names:
    """What the bodies of a database may name, by schema and name."""

    def __init__(self, system_routines: Iterable[str] = ()) -> None:
        self.relations: dict[tuple[str, str], ObjectId] = {}
        self.routines: defaultdict[tuple[str, str], list[Routine]] = defaultdict(list)
        self.relation_words: set[str] = set()
        self.routine_words: set[str] = set()
        self.system_routines = frozenset(system_routines)

    def add_relation(self, schema: str, name: str, relation: ObjectId) -> None:
        """Make a relation known."""
        self.relations[schema, name] = relation
        self.relation_words.add(name)

    def add_routine(self, schema: str, name: str, routine: Routine) -> None:
        """Make a routine known."""
        self.routines[schema, name].append(routine)
        self.routine_words.add(name)

    def relation(self, schema: str | None, name: str, path: Sequence[str]) -> ObjectId | None:
        """Return the relation that a name means on a search path."""
        for each in [schema] if schema else path:
            if (each, name) in self.relations:
                return self.relations[each, name]
        return None

    def routine(self, schema: str | None, name: str, arguments: int, path: Sequence[str]) -> list[ObjectId]:
        """Return the routines that a call may mean; of several, those that take so many arguments."""
        if schema is None and name in self.system_routines:
            return []
        for each in [schema] if schema else path:
            found = self.routines.get((each, name), [])
            fitting = [r.object for r in found if r.least <= arguments <= r.most]
            if fitting:
                return fitting
        return []


def read_body_edges(
    connection: Connection, *, seconds: float = LONGEST_SECONDS
) -> tuple[dict[ObjectId, frozenset[ObjectId]], int]:
    """Return what the bodies of routines name, and how many were not read for lack of time.

    What belongs to an extension is named as the extension.
    """
    bodies = connection.execute(query("bodies"), {"longest": LONGEST_BODY}).fetchall()
    if not bodies:
        return {}, 0
    names = _read_names(connection)
    deadline = time.monotonic() + seconds
    edges: dict[ObjectId, frozenset[ObjectId]] = {}
    for number, row in enumerate(bodies):
        if time.monotonic() > deadline:
            return edges, len(bodies) - number
        found = named_by(Body(*row), names)
        if found:
            edges[_ROUTINES, row.oid] = frozenset(found)
    return edges, 0


def edges_of_entries(
    entries: Sequence[Entry], edges: Mapping[ObjectId, frozenset[ObjectId]]
) -> dict[int, tuple[int, ...]]:
    """Return, by the id of a routine's entry, the ids of those that its body names and pg_dump does not know of."""
    if not edges:
        return {}
    wanted = set(edges).union(*edges.values())
    by_object = {o: e for e in entries if e.oid and e.catalog and (o := (e.catalog, e.oid)) in wanted}
    found: dict[int, tuple[int, ...]] = {}
    for each in entries:
        named = {by_object[o].id for o in edges.get((each.catalog, each.oid), ()) if o in by_object}
        more = named.difference(each.depends_on, [each.id])
        if more:
            found[each.id] = tuple(sorted(more))
    return found


def named_by(body: Body, names: Names) -> set[ObjectId]:
    """Return the objects that a body names."""
    path = search_path(body)
    tokens = tokenize(body.body)
    found = {
        *_called(tokens, names, path),
        *_named_types(tokens, names, path),
        *_named_in_strings(tokens, names, path),
    }
    for statement in _statements(body, tokens):
        if _may_name_relation(statement, names):
            found.update(_relations_in(statement, body, names, path))
    return found


def _may_name_relation(statement: Sequence[Token], names: Names) -> bool:
    """Parsing is the slow part, and most statements of PL/pgSQL name no relation."""
    return any(t.name in names.relation_words or t.word == "execute" for t in statement)


def search_path(body: Body) -> list[str]:
    """Return the schemas in which a body looks for names: its own SET, else the usual ones."""
    if body.search_path is None:
        return list(dict.fromkeys(["public", body.schema]))
    return [t.name for t in tokenize(body.search_path) if t.name and t.name not in {"$user", "pg_temp"}]


def tokenize(text: str) -> list[Token]:
    """Return the tokens of SQL or PL/pgSQL; never fails."""
    return [Token.of(match) for match in _TOKEN.finditer(text) if match.lastgroup != "space"]


def _called(tokens: Sequence[Token], names: Names, path: Sequence[str]) -> Iterator[ObjectId]:
    for i, token in enumerate(tokens[:-1]):
        if token.name not in names.routine_words or tokens[i + 1].text != "(":
            continue
        schema, before = _qualifier(tokens, i)
        if before < 0 or tokens[before].word not in _NO_CALL_AFTER:
            yield from names.routine(schema, token.name, _argument_count(tokens, i + 1), path)


def _qualifier(tokens: Sequence[Token], i: int) -> tuple[str | None, int]:
    """Return the schema before the name at `i`, and where the token before the whole name stands."""
    if i >= 2 and tokens[i - 1].text == "." and tokens[i - 2].name:
        return tokens[i - 2].name, i - 3
    return None, i - 1


def _argument_count(tokens: Sequence[Token], opening: int) -> int:
    depth, commas = 0, 0
    for token in tokens[opening:]:
        depth += token.depth
        commas += depth == 1 and token.text == ","
        if depth == 0:
            break
    is_empty = opening + 1 < len(tokens) and tokens[opening + 1].text == ")"
    return 0 if is_empty else commas + 1


def _named_types(tokens: Sequence[Token], names: Names, path: Sequence[str]) -> Iterator[ObjectId]:
    """Yield the relations of `name%rowtype` and `name.column%type`."""
    for i, token in enumerate(tokens[:-1]):
        wanted = tokens[i + 1].word
        if token.text != "%" or wanted not in {"type", "rowtype"} or i == 0:
            continue
        parts = _dotted_before(tokens, i)
        parts = parts[:-1] if wanted == "type" else parts
        yield from _relation_of(parts, names, path)


def _dotted_before(tokens: Sequence[Token], end: int) -> list[str]:
    start = end - 1
    while start >= 2 and tokens[start - 1].text == "." and tokens[start - 2].name:
        start -= 2
    return [t.name for t in tokens[start:end] if t.text != "."]


def _named_in_strings(tokens: Sequence[Token], names: Names, path: Sequence[str]) -> Iterator[ObjectId]:
    """Yield the relations of `nextval('name')` and `'name'::regclass`."""
    for i, token in enumerate(tokens):
        if token.kind == "string" and _means_relation(tokens, i):
            parts = [t.name for t in tokenize(token.content) if t.name]
            yield from _relation_of(parts, names, path)


def _means_relation(tokens: Sequence[Token], i: int) -> bool:
    before = i >= 2 and tokens[i - 1].text == "(" and tokens[i - 2].word in _SEQUENCE_FUNCTIONS
    after = i + 2 < len(tokens) and tokens[i + 1].text == "::" and tokens[i + 2].word == "regclass"
    return before or after


def _relation_of(parts: Sequence[str], names: Names, path: Sequence[str]) -> Iterator[ObjectId]:
    if parts:
        found = names.relation(parts[-2] if len(parts) > 1 else None, parts[-1], path)
        if found is not None:
            yield found


def _statements(body: Body, tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the statements of a body; in PL/pgSQL they also end at its control words."""
    statement: list[Token] = []
    cases = 0
    for token in tokens:
        cases += _case_change(token, statement, cases)
        if token.text == ";" or (body.language == "plpgsql" and not cases and token.word in _CONTROL):
            yield statement
            statement, cases = [], 0
        else:
            statement.append(token)
    yield statement


def _case_change(token: Token, statement: Sequence[Token], cases: int) -> int:
    """A CASE inside a statement is an expression, whose THEN and ELSE end nothing; one that begins it is control."""
    if token.word == "case" and statement:
        return 1
    return -1 if token.word == "end" and cases else 0


def _relations_in(statement: Sequence[Token], body: Body, names: Names, path: Sequence[str]) -> Iterator[ObjectId]:
    for schema, name in _tables_in(statement, body):
        found = names.relation(schema, name, path)
        if found is not None:
            yield found


def _tables_in(statement: Sequence[Token], body: Body) -> Iterator[tuple[str | None, str]]:
    """Yield the names in the first reading of a statement that can be parsed; failing that, in its subqueries."""
    # The parser takes longer to import than a small database to read, and most have no body that needs it.
    from dtsrun.inventory.parsing import named_tables, parsed

    for text in _outer_queries(statement, body):
        trees = parsed(text)
        if trees is not None:
            yield from named_tables(trees)
            return
    for text in _subqueries(statement, body):
        yield from named_tables(parsed(text) or [])


def _outer_queries(statement: Sequence[Token], body: Body) -> Iterator[str]:
    """Yield what follows each word that may begin the query: `for row in | select`, `create table t as | select`."""
    depth = 0
    for i, token in enumerate(statement):
        depth += token.depth
        if depth or token.word not in _QUERIES:
            continue
        if token.word == "execute":
            yield from (t.content for t in statement[i + 1 : i + 2] if t.kind == "string")
        elif token.word == "perform":
            yield f"select {_text(statement[i + 1 :], body)}"
        else:
            yield _text(statement[i:], body)


def _subqueries(statement: Sequence[Token], body: Body) -> Iterator[str]:
    """Yield what stands in parentheses and begins like a query: `if exists (select ...)`."""
    i = 1
    while i < len(statement):
        if statement[i].word in _QUERIES and statement[i - 1].text == "(":
            end = _closing(statement, i - 1)
            yield _text(statement[i:end], body)
            i = end
        i += 1


def _closing(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for i in range(opening, len(tokens)):
        depth += tokens[i].depth
        if depth == 0:
            return i
    return len(tokens)


def _text(tokens: Sequence[Token], body: Body) -> str:
    """Return the source of tokens; in PL/pgSQL without INTO and its variables, which SQL takes for a table."""
    kept = _without_variables(tokens) if body.language == "plpgsql" else tokens
    parts: list[str] = []
    for before, token in zip([None, *kept], kept, strict=False):
        touches = before is not None and before.end == token.start
        parts.append(token.text if touches else f" {token.text}")
    return "".join(parts)


def _without_variables(tokens: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    i = 0
    while i < len(tokens):
        if tokens[i].word == "into" and not (kept and kept[-1].word in {"insert", "merge"}):
            i = _after_variables(tokens, i + 1)
        else:
            kept.append(tokens[i])
            i += 1
    return kept


def _after_variables(tokens: Sequence[Token], i: int) -> int:
    """Return where the list `[strict] a, b.c, d[1]` that begins at `i` ends."""
    if i < len(tokens) and tokens[i].word == "strict":
        i += 1
    while i < len(tokens):
        i += 1
        while i + 1 < len(tokens) and tokens[i].text in {".", "["}:
            i = i + 2 if tokens[i].text == "." else _closing(tokens, i) + 1
        if i >= len(tokens) or tokens[i].text != ",":
            break
        i += 1
    return i


def _read_names(connection: Connection) -> Names:
    system = connection.execute(
        "select distinct proname as name from pg_catalog.pg_proc where pronamespace = 'pg_catalog'::regnamespace"
    )
    names = Names(row.name for row in system)
    for row in connection.execute(query("names")):
        found = (row.catalog, row.oid) if row.extension is None else (_EXTENSIONS, row.extension)
        if row.catalog == _RELATIONS:
            names.add_relation(row.schema, row.name, found)
        else:
            names.add_routine(row.schema, row.name, Routine(found, row.least, row.most))
    return names
