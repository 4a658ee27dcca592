"""The fixes of all findings as one psql script for each side, to be read before it is run.

Nothing in a script takes anything away unless its reader says so: a statement is written out only where its first
words are known to be harmless (`grant`, `create`, most of `alter`, ...); every other one is commented out. What stands
in comments comes from servers too, so it never breaks out of its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dtsrun.api import CheckResult, Finding, Fix, Side
from dtsrun.report.checked import Checked, is_waived

SIDES: Final[tuple[Side, ...]] = ("source", "target")

_HARMLESS: Final = re.compile(
    r"(grant|create|comment on|analyze|vacuum|reindex|alter|refresh materialized view"
    r"|select (pg_catalog\.)?pg_reload_conf)\b"
)
"""How a statement begins that takes nothing away. Words below spoil it."""

_TAKES_AWAY: Final = re.compile(
    r"\b(drop|truncate|delete|update|insert|revoke|reassign|rename|detach|disable|reset|nosuperuser|nologin|into"
    r"|restart|or replace)\b|[\\'\"]|/\*"
)
"""Words that take something away, and quotes that do not end."""

_NOT_IN_TRANSACTION: Final = re.compile(
    r"(alter system|create database|create tablespace|create subscription|alter subscription|vacuum|reindex"
    r"|create (unique )?index concurrently|alter type .* add value|alter database .* set tablespace)\b",
    re.DOTALL,
)
_QUOTED: Final = re.compile(
    r"""[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
      | --[^\n]* | /\*.*?\*/""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The fix of one finding."""

    result: CheckResult
    finding: Finding
    fix: Fix
    database: str | None
    """Where it is run; None: the maintenance database."""


def fix_scripts(checked: Checked) -> Mapping[Side, str]:
    """Return the script of each side."""
    return {side: _script(checked, side) for side in SIDES}


def script_path(path: Path, side: Side) -> Path:
    """Return where the script of a side goes: `fixes.sql` becomes `fixes-source.sql`."""
    return path.with_name(f"{path.stem}-{side}{path.suffix or '.sql'}")


def _script(checked: Checked, side: Side) -> str:
    parts = [part for result in checked.results for part in _parts(checked, result, side)]
    lines = [*_preface(checked, side, parts), *_sections(parts), *_afterwards(parts)]
    return "\n".join(lines) + "\n"


def _parts(checked: Checked, result: CheckResult, side: Side) -> Iterator[Part]:
    for finding in result.findings:
        fix = finding.fix
        if fix and fix.sql and not is_waived(finding) and side in _sides(fix, result):
            yield Part(result=result, finding=finding, fix=fix, database=_database(checked, finding, side))


def _sides(fix: Fix, result: CheckResult) -> tuple[str, ...]:
    """Return the sides of a fix; one that names none, of a check of both, is shown on both."""
    return (fix.side,) if fix.side else SIDES if result.side == "both" else (result.side,)


def _database(checked: Checked, finding: Finding, side: Side) -> str | None:
    """Return the database of a finding, which its subject begins with, by its name on that side."""
    names = {name: target if side == "target" else name for name, target in checked.databases.items()}
    names |= {target: target for target in checked.databases.values() if side == "target"}
    named = [n for n in names if finding.subject == n or finding.subject.startswith((f"{n}.", f"{n} "))]
    return names[max(named, key=len)] if named else None


def _preface(checked: Checked, side: Side, parts: Sequence[Part]) -> Iterator[str]:
    yield _comment(f"Fixes for the {side} of task {checked.task}, from the checks of {checked.at:%Y-%m-%d %H:%M} UTC.")
    if not parts:
        yield _comment("There is nothing to mend by SQL here.")
        return
    yield _comment("Read every statement before it is run: what takes something away is commented out. Run it with")
    yield _comment("    psql -X -v ON_ERROR_STOP=1 -f THIS-FILE, connected to the maintenance database.")
    yield _comment(f"Tied to {checked.ties.get('digest', 'nothing')}")
    yield "\\set ON_ERROR_STOP on"


def _sections(parts: Sequence[Part]) -> Iterator[str]:
    """Yield the server's part, then each database's; in each the worst comes first, as in the checks."""
    for database in sorted({part.database for part in parts}, key=lambda name: (name is not None, name)):
        yield ""
        yield _comment(f"=== database {database} ===" if database is not None else "=== server ===")
        if database is not None:
            yield _reconnect(database)
        yield from _statements([part for part in parts if part.database == database])


def _statements(parts: Iterable[Part]) -> Iterator[str]:
    in_transaction = False
    written: set[str] = set()
    for part in parts:
        yield from _heading(part)
        for statement in part.fix.sql:
            text = _ended(statement)
            if text in written:
                yield _comment("(as above)")
            elif not is_harmless(text) or not _is_for_one_side(part):
                yield _comment("REVIEW: remove the dashes to run it")
                yield from (_comment(line) for line in _lines(text))
            else:
                wanted = not _NOT_IN_TRANSACTION.match(_bare(text))
                if wanted != in_transaction:
                    yield "begin;" if wanted else "commit;"
                in_transaction = wanted
                yield text
            written.add(text)
    if in_transaction:
        yield "commit;"


def _ended(statement: str) -> str:
    """Return a statement with its semicolon, which a comment in its last line must not swallow."""
    text = statement.strip().rstrip(";")
    return f"{text}\n;" if "--" in text.rpartition("\n")[2] else f"{text};"


def is_harmless(statement: str) -> bool:
    """Tell whether a statement, or each of several, takes nothing away; what is not known is not harmless."""
    bare = _bare(statement)
    each = [part.strip() for part in bare.split(";") if part.strip()]
    return bool(each) and all(_HARMLESS.match(part) and not _TAKES_AWAY.search(part) for part in each)


def _bare(statement: str) -> str:
    """Return a statement without comments, in lower case, with a mark for whatever is quoted."""
    bare = _QUOTED.sub(lambda quoted: " " if quoted.group().startswith(("--", "/*")) else "?", statement)
    return " ".join(bare.lower().split())


def _is_for_one_side(part: Part) -> bool:
    return part.fix.side is not None or part.result.side != "both"


def _heading(part: Part) -> Iterator[str]:
    yield ""
    yield _comment(f"{part.result.check}: {part.result.outcome.value}")
    yield _comment(f"{part.finding.subject}: {part.finding.message}")
    effect = "" if part.fix.takes_effect == "at once" else f" (takes effect after a {part.fix.takes_effect})"
    yield _comment(f"{part.fix.text}{effect}")


def _afterwards(parts: Sequence[Part]) -> Iterator[str]:
    effects = {part.fix.takes_effect for part in parts}
    if effects - {"at once"}:
        yield ""
    if "reload" in effects:
        yield "select pg_catalog.pg_reload_conf();"
    if "restart" in effects:
        yield _comment("Restart the server afterwards: some of the above takes effect only then.")


def _reconnect(database: str) -> str:
    """Return psql's own command: the name quoted for libpq, and that for psql; it cannot hold a line break."""
    if not database.isprintable():
        return f"\\warn {_quoted('this database has a name that psql cannot be told; the rest is left out')}\n\\quit"
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"\\connect -reuse-previous=on {_quoted(f'dbname={_single(escaped)}')}"


def _single(text: str) -> str:
    return f"'{text}'"


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _comment(text: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in text)
    return f"-- {shown}".rstrip()


def _lines(text: str) -> Sequence[str]:
    return text.splitlines() or [text]
