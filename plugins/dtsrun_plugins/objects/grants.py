"""The object kind `grants`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dtsrun.api import Database, Entry, ObjectKind, PlanContext

_BECOME: Final = re.compile(r"^SET SESSION AUTHORIZATION (?=.*;$)", re.MULTILINE)
_RETURN: Final = re.compile(r"^RESET SESSION AUTHORIZATION;$", re.MULTILINE)


class Grants(ObjectKind):
    """Grants on objects and columns, with grant options and grantors

    What it does
    ------------
    Grants and revokes what differs from each object's default: tables, columns, sequences, functions, types, schemas,
    languages, foreign servers. A grant that was made by somebody other than the owner is made in that role's name.

    Why it matters
    --------------
    An application that lacks one grant fails at the first query after the cutover; a missing REVOKE opens what was
    closed. The grantor decides what a later REVOKE ... CASCADE takes along.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to.

    Needs
    -----
    Ownership of the object, and membership in each other grantor, for an account that is not a superuser.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Roles that are granted something must exist on the target. Grants on databases are set together with these; grants
    on large objects come with them.
    """

    name = "object.grants"
    entry_types = ("ACL",)

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return the statements, but for the database itself, whose name may be another on the target."""
        if entry.name.startswith("DATABASE ") and not entry.schema:
            return []
        return [entry.sql if context.target.is_superuser else _by_set_role(entry.sql)]


def _by_set_role(text: str) -> str:
    """Only a superuser may change the session's user; a member may take on the role, with the same effect on grants."""
    return _RETURN.sub("RESET ROLE;", _BECOME.sub("SET ROLE ", text))
