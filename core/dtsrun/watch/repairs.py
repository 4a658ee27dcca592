"""Repairs that need no new epoch, carried out on connections in autocommit mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Membership, Role
from dtsrun.errors import MigrationError
from dtsrun.inventory.facts import read_memberships, read_roles, read_settings
from dtsrun.postgres.identifiers import quoted
from dtsrun.postgres.parameters import set_clause
from dtsrun.postgres.sqlstate import describe
from dtsrun.watch.drift import NEEDS_EPOCH, Action, Drift, Repair

LOCK_SECONDS: Final = 30
"""How long a statement waits for its lock: the applying session of the same table waits behind it."""

CHUNK_BYTES: Final = 4 * 1024 * 1024

_WORDS: Final = {
    "superuser": "superuser",
    "inherit": "inherit",
    "create_role": "createrole",
    "create_db": "createdb",
    "can_login": "login",
    "replication": "replication",
    "bypass_rls": "bypassrls",
}


def repair(
    drift: Drift, source: Connection, target: Connection, target_name: Callable[[str], str] = lambda name: name
) -> None:
    """Mend what a drift says, now and completely.

    Args:
        target_name: gives the target's name of a database of the source.
        source: for `copy_large_object` and statements of the drift's database, in that database.
        target: in its counterpart.

    Raises:
        MigrationError: it cannot be mended so; says why and what to do.
    """
    wanted = drift.repair
    if wanted is None or wanted.action in NEEDS_EPOCH:
        raise MigrationError(f"{drift.object}: {drift.message}", hint="only a human or a new copy of it mends that")
    try:
        if wanted.action is Action.COPY_LARGE_OBJECT:
            copy_large_object(source, target, wanted.oid)
        elif wanted.action is Action.SET_ROLE:
            set_role(source, target, wanted, target_name)
        else:
            apply_sql(source if wanted.side == "source" else target, wanted.sql)
    except psycopg.Error as error:
        raise MigrationError(
            f"{drift.object} cannot be mended: {describe(error)}", hint="\n".join(wanted.sql) or None
        ) from error


def apply_sql(connection: Connection, statements: Sequence[str]) -> None:
    """Run statements of a repair in one transaction; a lock that does not come is an error."""
    with connection.transaction():
        connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
        # As pg_restore does: a function may name what is made after it.
        connection.execute("set local check_function_bodies = off")
        for statement in statements:
            connection.execute(statement.encode())


def define(drift: Drift, target: Connection) -> None:
    """Make a table that is copied anew afterwards what it is on the source: its definition alone.

    Its rows go where they stand in the way: those of the source have another type, or no nulls.

    Raises:
        MigrationError: it cannot be made so; says why, and the statements.
    """
    assert drift.repair is not None
    statements, identity = drift.repair.sql, drift.object.removeprefix("table ")
    if drift.repair.action is Action.FOLLOW_TABLE and _is_there(target, identity):
        return
    try:
        try:
            apply_sql(target, statements)
        except (psycopg.DataError, psycopg.IntegrityError):
            with target.transaction():
                target.execute("set local session_replication_role = replica")
                # The source's server has quoted it.
                target.execute(sql.SQL("delete from only {}").format(sql.SQL(identity)))
                target.execute("set local session_replication_role = origin")
                apply_sql(target, statements)
    except psycopg.Error as error:
        hint = "\n".join(statements) or None
        raise MigrationError(f"{drift.object} cannot be mended: {describe(error)}", hint=hint) from error


def _is_there(target: Connection, identity: str) -> bool:
    row = target.execute("select pg_catalog.to_regclass(%s) is not null as found", [identity]).fetchone()
    return bool(row and row.found)


def copy_large_object(source: Connection, target: Connection, oid: int) -> None:
    """Make a large object on the target what it is on the source: content, owner, grants and comment; or remove it."""
    with target.transaction(), source.transaction():
        source.execute("set transaction isolation level repeatable read, read only")
        facts = source.execute(
            "select pg_catalog.pg_get_userbyid(m.lomowner)::text as owner, m.lomacl is not null as has_grants,"
            "       pg_catalog.obj_description(m.oid, 'pg_largeobject') as comment"
            "  from pg_catalog.pg_largeobject_metadata m where m.oid = %s::bigint::oid",
            [oid],
        ).fetchone()
        target.execute(
            "select pg_catalog.lo_unlink(oid) from pg_catalog.pg_largeobject_metadata where oid = %s::bigint::oid",
            [oid],
        )
        if facts is not None:
            target.execute("select pg_catalog.lo_create(%s::bigint::oid)", [oid])
            _copy_content(source, target, oid)
            _set_properties(source, target, oid, facts)


def _copy_content(source: Connection, target: Connection, oid: int) -> None:
    start, chunk = 0, b""
    with source.cursor(binary=True) as cursor:
        while start == 0 or len(chunk) == CHUNK_BYTES:
            row = cursor.execute(
                "select pg_catalog.lo_get(%s::bigint::oid, %s::bigint, %s) as chunk", [oid, start, CHUNK_BYTES]
            ).fetchone()
            chunk = bytes(row.chunk) if row else b""
            if not chunk:
                return
            target.execute("select pg_catalog.lo_put(%s::bigint::oid, %s::bigint, %b)", [oid, start, chunk])
            start += len(chunk)


def _set_properties(source: Connection, target: Connection, oid: int, facts: Any) -> None:
    number, owner = sql.Literal(oid), sql.Identifier(facts.owner)
    target.execute(sql.SQL("alter large object {} owner to {}").format(number, owner))
    if facts.comment is not None:
        target.execute(sql.SQL("comment on large object {} is {}").format(number, sql.Literal(facts.comment)))
    if not facts.has_grants:
        return
    target.execute(sql.SQL("revoke all on large object {} from {}").format(number, owner))
    grants = source.execute(
        "select case when a.grantee <> 0 then pg_catalog.pg_get_userbyid(a.grantee)::text end as grantee,"
        "       a.privilege_type as privilege, a.is_grantable"
        "  from pg_catalog.pg_largeobject_metadata m, pg_catalog.aclexplode(m.lomacl) a where m.oid = %s::bigint::oid",
        [oid],
    ).fetchall()
    for grant in grants:
        target.execute(
            sql.SQL("grant {} on large object {} to {}{}").format(
                sql.SQL(grant.privilege),
                number,
                sql.Identifier(grant.grantee) if grant.grantee else sql.SQL("public"),
                sql.SQL(" with grant option" if grant.is_grantable else ""),
            )
        )


def set_role(
    source: Connection, target: Connection, wanted: Repair, target_name: Callable[[str], str] = lambda name: name
) -> None:
    """Make a role on the target what it is on the source: attributes, password, memberships, settings.

    What is the same already is left alone, since some attributes take a superuser to be named at all. Of memberships
    and settings those go that went on the source: what the target alone has was made there by somebody, and stays.

    Raises:
        MigrationError: the source has no such role.
    """
    name = wanted.object
    ours = {role.name: role for role in read_roles(source)}.get(name)
    theirs = {role.name: role for role in read_roles(target)}.get(name)
    if ours is None:
        hint = f"where nothing belongs to it on the target: drop role {quoted(name)}"
        raise MigrationError(f"the source has no role {name} any more", hint=hint)
    with target.transaction():
        if theirs is None:
            target.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
            theirs = {role.name: role for role in read_roles(target)}[name]
        _set_attributes(target, ours, theirs)
        _set_memberships(source, target, name, wanted.revoked)
        _set_settings(source, target, wanted, target_name)


def _set_attributes(target: Connection, ours: Role, theirs: Role) -> None:
    options: list[sql.Composable] = [
        sql.SQL(word if getattr(ours, field) else f"no{word}")
        for field, word in _WORDS.items()
        if getattr(ours, field) != getattr(theirs, field)
    ]
    if ours.connection_limit != theirs.connection_limit:
        options.append(sql.SQL("connection limit {}").format(sql.Literal(ours.connection_limit)))
    if ours.valid_until != theirs.valid_until:
        options.append(sql.SQL("valid until {}").format(sql.Literal(ours.valid_until or "infinity")))
    if ours.password_readable and ours.password_hash != theirs.password_hash:
        options.append(sql.SQL("password {}").format(sql.Literal(ours.password_hash)))
    name = sql.Identifier(ours.name)
    if options:
        target.execute(sql.SQL("alter role {} {}").format(name, sql.SQL(" ").join(options)))
    if ours.comment != theirs.comment:
        target.execute(sql.SQL("comment on role {} is {}").format(name, sql.Literal(ours.comment)))


def _set_memberships(source: Connection, target: Connection, name: str, revoked: Sequence[str]) -> None:
    ours = {m.role: m for m in read_memberships(source) if m.member == name}
    theirs = {m.role: m for m in read_memberships(target) if m.member == name}
    for role in sorted(theirs.keys() & set(revoked) - ours.keys()):
        target.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(role), sql.Identifier(name)))
    for role, membership in ours.items():
        if role not in theirs or _options(theirs[role]) != _options(membership):
            target.execute(_grant(target, membership))


def _options(membership: Membership) -> tuple[bool, bool | None, bool | None]:
    return membership.admin, membership.inherit, membership.set


def _grant(target: Connection, membership: Membership) -> sql.Composed:
    grant = sql.SQL("grant {} to {}").format(sql.Identifier(membership.role), sql.Identifier(membership.member))
    if target.info.server_version < 160000 or membership.inherit is None:
        return grant + sql.SQL(" with admin option" if membership.admin else "")
    options = sql.SQL(" with admin {}, inherit {}, set {}")
    return grant + options.format(membership.admin, membership.inherit, membership.set)


def _set_settings(source: Connection, target: Connection, wanted: Repair, target_name: Callable[[str], str]) -> None:
    """Those of a role in all databases, and in those that the target has."""
    there = {row.name for row in target.execute("select datname::text as name from pg_catalog.pg_database")}

    def place(database: str | None) -> str | None:
        return None if database is None else target_name(database)

    ours = {(place(s.database), s.name): s.value for s in read_settings(source) if s.role == wanted.object}
    theirs = {(s.database, s.name): s.value for s in read_settings(target) if s.role == wanted.object}
    gone = {(place(database), name) for database, name in wanted.reset} & theirs.keys() - ours.keys()
    role = sql.Identifier(wanted.object)
    for database, name in sorted(gone, key=str):
        target.execute(sql.SQL("alter role {}{} reset {}").format(role, _within(database), sql.Identifier(name)))
    for (database, name), value in ours.items():
        if theirs.get((database, name)) != value and (database is None or database in there):
            target.execute(sql.SQL("alter role {}{} {}").format(role, _within(database), set_clause(name, value)))


def _within(database: str | None) -> sql.Composable:
    return sql.SQL("") if database is None else sql.SQL(" in database {}").format(sql.Identifier(database))
