"""Values of configuration parameters as ALTER DATABASE and ALTER ROLE want them."""

from __future__ import annotations

import re
from typing import Final

from psycopg import sql

LISTS_OF_NAMES: Final = frozenset(
    {"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"}
)
"""Parameters whose value is kept as a list of quoted names (GUC_LIST_QUOTE) and that a role or database may have."""

_NAME_IN_LIST: Final = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')


def set_clause(name: str, value: str) -> sql.Composed:
    """Return `set <name> to <value>` for a value as the catalog keeps it.

    A list of names must go as several literals: as one, `"$user", public` would be a single odd name.
    """
    values = names_in_list(value) if name.lower() in LISTS_OF_NAMES else [value]
    literals = sql.SQL(", ").join(sql.Literal(item) for item in values)
    return sql.SQL("set {} to {}").format(sql.Identifier(*name.split(".")), literals)


def names_in_list(value: str) -> list[str]:
    """Return the names in a list such as `"$user", public`; the empty list is one empty name."""
    names = [quoted.replace('""', '"') or plain for quoted, plain in _NAME_IN_LIST.findall(value)]
    return names or [""]
