"""What changes on the source of databases themselves: grants on them, settings, and databases that come and go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from psycopg import sql

from dtsrun.api import Connection
from dtsrun.inventory.facts import read_settings
from dtsrun.postgres.identifiers import quoted
from dtsrun.postgres.parameters import set_clause
from dtsrun.watch.drift import Action, Drift, Repair
from dtsrun.watch.grants import Grant, changed_grants

OF_FENCES: Final = frozenset({"default_transaction_read_only"})
"""What a cutover sets itself, and takes back."""

State = Mapping[str, Any]
"""`grants` and `settings` of a database, as JSON holds them."""


def read_databases(connection: Connection) -> dict[str, State]:
    """Return the databases of a server that may be moved, by name."""
    found: dict[str, Any] = {}
    for row in connection.execute(files(__package__).joinpath("databases.sql").read_bytes()).fetchall():
        state = found.setdefault(row.name, {"grants": [], "settings": {}})
        if row.privilege is not None:
            state["grants"].append(["", row.grantee, row.privilege, row.is_grantable])
    for setting in read_settings(connection):
        if setting.role is None and setting.database in found and setting.name not in OF_FENCES:
            found[setting.database]["settings"][setting.name] = setting.value
    return found


def compare_databases(
    before: Mapping[str, State],
    now: Mapping[str, State],
    wanted: Collection[str] | None,
    target_name: Callable[[str], str],
) -> Iterator[Drift]:
    """Yield what changed.

    Args:
        wanted: names of the databases that are moved; None: all.
        target_name: gives the target's name of a database.
    """
    for name in sorted(before.keys() | now.keys()):
        if wanted is not None and name not in wanted:
            continue
        if name not in before:
            yield _drift(name, "is new on the source, and is not moved by this task: it takes one of its own", ())
        elif name not in now:
            yield _drift(name, "was dropped on the source", ())
        elif before[name] != now[name]:
            said, statements = _changes(before[name], now[name], target_name(name))
            yield _drift(name, f"{'; '.join(said)} on the source", statements)


def _changes(old: State, new: State, target: str) -> tuple[list[str], tuple[str, ...]]:
    states = [tuple(Grant(*grant) for grant in state["grants"]) for state in (old, new)]
    said, statements = changed_grants("database", quoted(target), *states)
    altering = sql.SQL("alter database {} ").format(sql.Identifier(target))
    for name in sorted(old["settings"].keys() - new["settings"].keys()):
        said.append(f"setting {name} was reset")
        statements.append((altering + sql.SQL("reset {}").format(sql.Identifier(name))).as_string())
    for name, value in sorted(new["settings"].items()):
        if old["settings"].get(name) != value:
            said.append(f"setting {name} is {value}")
            statements.append((altering + set_clause(name, value)).as_string())
    return said, tuple(statements)


def _drift(name: str, said: str, statements: tuple[str, ...]) -> Drift:
    label = f"database {quoted(name)}"
    repair = Repair(action=Action.APPLY_SQL, object=label, sql=statements) if statements else None
    return Drift(kind="database", database=None, object=label, message=f"{label}: {said}", repair=repair)
