"""Grants on objects: what was granted and revoked between two states, and the statements that do the same.

A dump cannot tell what was revoked: it says what is granted. So both states are kept, and compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Final, NamedTuple

from dtsrun.api import Connection
from dtsrun.postgres.identifiers import quoted


class Grant(NamedTuple):
    """What somebody other than the owner may do with an object or a column of it."""

    column: str
    """Empty: the whole object."""
    grantee: str
    """Empty: PUBLIC."""
    privilege: str
    """`SELECT`, as aclexplode says."""
    is_grantable: bool


Grants = tuple[Grant, ...]

DEFAULT_ACL: Final = 826
"""OID of pg_default_acl: what will be granted on objects that are yet to be made."""

_EXECUTE: Final = (Grant("", "", "EXECUTE", False),)
_USAGE: Final = (Grant("", "", "USAGE", False),)
_BY_CATALOG: Final[Mapping[int, Grants]] = {1255: _EXECUTE, 1247: _USAGE, 2612: _USAGE}
_BY_KIND: Final[Mapping[str, Grants]] = {"functions": _EXECUTE, "types": _USAGE}

_WORDS: Final[Mapping[str, str]] = {
    "view": "table",
    "materialized view": "table",
    "foreign table": "table",
    "aggregate": "function",
    "server": "foreign server",
    "foreign-data wrapper": "foreign data wrapper",
}
"""What GRANT calls an object, where pg_identify_object has another word."""


def granted_by_default(catalog: int, identity: str) -> Grants:
    """Return what PUBLIC may do where nobody ever granted or revoked (the manual, "Privileges")."""
    if catalog == DEFAULT_ACL:
        # In one schema, more is granted than that.
        return () if " in schema " in identity else _BY_KIND.get(identity.rpartition(" on ")[2], ())
    return _BY_CATALOG.get(catalog, ())


def read_grants(source: Connection) -> dict[tuple[int, int], Grants]:
    """Return the grants of all objects of a database on which somebody ever granted or revoked, by catalog and OID."""
    query = files(__package__).joinpath("grants.sql").read_bytes()
    found: dict[tuple[int, int], list[Grant]] = {}
    for row in source.execute(query).fetchall():
        grants = found.setdefault((row.catalog, row.oid), [])
        if row.privilege is not None:
            grants.append(Grant(row.part, row.grantee, row.privilege, row.is_grantable))
    return {address: tuple(sorted(grants)) for address, grants in found.items()}


def changed_grants(kind: str, identity: str, before: Grants, now: Grants) -> tuple[list[str], list[str]]:
    """Return what changed, in words, and the statements that make it so on the target.

    Args:
        kind: of the object, as pg_identify_object says.
        identity: the object's name, quoted by the server.
    """
    old, new = ({grant[:3]: grant.is_grantable for grant in grants} for grants in (before, now))
    before_all, on = "", f"on {_WORDS.get(kind, kind)} {identity}"
    if kind == "default acl":
        of, _, objects = identity.rpartition(" on ")
        before_all, on = f"alter default privileges {of} ", f"on {objects}"
    gone = [Grant(*key, False) for key in old.keys() - new.keys()]
    no_option = [Grant(*key, False) for key in old.keys() & new.keys() if old[key] and not new[key]]
    given = [Grant(*key, option) for key, option in new.items() if key not in old or (option and not old[key])]
    said, statements = [], []
    for grantee, privileges, _ in _together(gone):
        said.append(f"{privileges} was revoked from {grantee}")
        statements.append(f"{before_all}revoke {privileges} {on} from {grantee}")
    for grantee, privileges, _ in _together(no_option):
        said.append(f"{grantee} may no longer grant {privileges}")
        statements.append(f"{before_all}revoke grant option for {privileges} {on} from {grantee}")
    for grantee, privileges, may_grant in _together(given):
        option = " with grant option" if may_grant else ""
        said.append(f"{privileges} was granted to {grantee}{option}")
        statements.append(f"{before_all}grant {privileges} {on} to {grantee}{option}")
    return said, statements


def _together(grants: Iterable[Grant]) -> Iterator[tuple[str, str, bool]]:
    """Yield grantee, privileges, and whether with the right to grant them on: those of a grantee in one statement."""
    found: dict[tuple[str, bool], list[str]] = {}
    for grant in sorted(grants):
        column = f" ({quoted(grant.column)})" if grant.column else ""
        found.setdefault((grant.grantee, grant.is_grantable), []).append(f"{grant.privilege.lower()}{column}")
    for (grantee, may_grant), privileges in found.items():
        yield quoted(grantee) if grantee else "public", ", ".join(privileges), may_grant
