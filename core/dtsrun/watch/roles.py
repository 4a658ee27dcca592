"""What changes on the source beside its databases: roles, their memberships and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from dtsrun.api import Connection, Role
from dtsrun.inventory.facts import read_memberships, read_roles, read_settings
from dtsrun.postgres.identifiers import quoted
from dtsrun.watch.drift import Action, Drift, Repair

_COMPARED: Final = tuple(f.name for f in fields(Role) if f.name not in ("oid", "password_hash", "password_readable"))


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleState:
    """Roles at one moment. Passwords are kept as digests of their hashes."""

    roles: Mapping[str, Mapping[str, str]]
    """By name: aspect -> text; `member of` and `settings` among them."""
    memberships: Mapping[str, list[str]] = field(default_factory=dict)
    """By member, the roles that it is in."""
    settings_of: Mapping[str, list[list[str | None]]] = field(default_factory=dict)
    """By role, database and name of its settings; None: in all databases."""


def read_role_state(connection: Connection) -> RoleState:
    """Return the state of a server's roles now."""
    roles = {role.name: _aspects(role) for role in read_roles(connection)}
    memberships: dict[str, list[str]] = {}
    settings_of: dict[str, list[list[str | None]]] = {}
    for membership in read_memberships(connection):
        memberships.setdefault(membership.member, []).append(membership.role)
        options = [word for word in ("admin", "inherit", "set") if getattr(membership, word)]
        _add(roles, membership.member, "member of", f"{membership.role} ({', '.join(options) or 'plain'})")
    for setting in read_settings(connection):
        if setting.role:
            settings_of.setdefault(setting.role, []).append([setting.database, setting.name])
            _add(roles, setting.role, "settings", f"{setting.database or '*'}: {setting.name} = {setting.value}")
    return RoleState(roles=roles, memberships=memberships, settings_of=settings_of)


def compare_roles(before: RoleState, now: RoleState, roles: Iterable[str] | None) -> Iterator[Drift]:
    """Yield what changed of the roles of the source.

    Args:
        roles: names of the roles that are moved; None: all of them, new ones too.
    """
    wanted = None if roles is None else set(roles)
    for name in sorted(before.roles.keys() | now.roles.keys()):
        old, new = before.roles.get(name), now.roles.get(name)
        if old == new or (wanted is not None and name not in wanted):
            continue
        if new is None:
            said = f"was dropped on the source; where nothing belongs to it on the target: drop role {quoted(name)}"
            yield _role_drift(name, said, None)
        elif old is None:
            yield _role_drift(name, "is new on the source", _setting_role(name))
        else:
            changed = sorted(aspect for aspect in old.keys() | new.keys() if old.get(aspect) != new.get(aspect))
            yield _altered(name, changed, before, now)


def _altered(name: str, changed: list[str], before: RoleState, now: RoleState) -> Drift:
    old, new = (set(state.memberships.get(name, ())) for state in (before, now))
    said = [f"is a member of {role} now" for role in sorted(new - old)]
    said += [f"is no longer a member of {role}" for role in sorted(old - new)]
    if "member of" in changed and not said:
        said.append("is a member of others with other options")
    plain = [aspect for aspect in changed if aspect not in ("member of", "settings")]
    if plain:
        said.append(f"was altered ({', '.join(plain)})")
    if "settings" in changed:
        said.append("has other settings")
    had, has = ({tuple(each) for each in state.settings_of.get(name, ())} for state in (before, now))
    reset = tuple((database, str(setting)) for database, setting in sorted(had - has, key=str))
    repair = replace(_setting_role(name), revoked=tuple(sorted(old - new)), reset=reset)
    return _role_drift(name, f"{', '.join(said)} on the source", repair)


def _setting_role(name: str) -> Repair:
    return Repair(action=Action.SET_ROLE, object=name)


def _role_drift(name: str, said: str, repair: Repair | None) -> Drift:
    return Drift(kind="role", database=None, object=f"role {name}", message=f"role {name} {said}", repair=repair)


def _aspects(role: Role) -> dict[str, str]:
    aspects = {name.replace("_", " "): str(getattr(role, name)) for name in _COMPARED}
    if role.password_readable:
        aspects["password"] = hashlib.sha256((role.password_hash or "").encode()).hexdigest()
    return aspects


def _add(roles: Mapping[str, dict[str, str]], name: str, aspect: str, text: str) -> None:
    if name in roles:
        known: Any = roles[name].get(aspect)
        roles[name][aspect] = "; ".join(sorted([*([known] if known else []), text]))
