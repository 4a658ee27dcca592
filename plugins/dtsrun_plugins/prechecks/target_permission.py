"""The target account may create all that is to be moved."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck


class TargetPermission(Precheck):
    """The target account may create all that is to be moved.

    What it does
    ------------
    Asks the target whether the account may create the databases that are not there yet (CREATEDB), create objects in
    those that are (CREATE; in the maintenance database too, where marks of the work are kept), create the roles that
    move (CREATEROLE; SUPERUSER for those that are superusers), and make each owner of a moved object its owner
    (membership).

    Why it matters
    --------------
    Managed services give no superuser. What the account may not do is better known now, with the statement that
    allows it, than from the first object that fails.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_permission"`; it has no options.

    Needs
    -----
    CONNECT on the target's databases. All versions.

    Example
    -------
        failed  precheck.target_permission  root_user may not create database shop
          fix (target): ALTER ROLE "root_user" CREATEDB;

    Limits
    ------
    Rights that single statements need beyond these (event triggers, untrusted languages, C functions: superuser) show
    when the object is created; it is then named, and everything else goes on.
    """

    name = "precheck.target_permission"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every right that is missing, with the statement that gives it."""
        if context.facts("target").is_superuser:
            return
        yield from _attributes(context)
        yield from _create(context, None)
        for database in context.inventory.databases:
            yield from _create(context, database)
        yield from _memberships(context)


def _attributes(context: CheckContext) -> Iterator[Finding]:
    account = context.facts("target").current_user
    connection = context.target()
    assert connection is not None
    role = connection.execute(
        "select rolcreatedb, rolcreaterole from pg_catalog.pg_roles where rolname = current_user"
    ).fetchone()
    assert role is not None
    absent = [d.target for d in context.inventory.databases.values() if context.target(d.name) is None]
    if absent and not role.rolcreatedb:
        yield _lacks(account, "CREATEDB", f"create database {', '.join(sorted(absent))}")
    if context.inventory.roles and not role.rolcreaterole:
        yield _lacks(account, "CREATEROLE", f"create {len(context.inventory.roles)} roles")
    superusers = sorted(r.name for r in context.inventory.roles if r.superuser)
    if superusers:
        yield _lacks(account, "SUPERUSER", f"create the superuser {', '.join(superusers)}")


def _lacks(account: str, attribute: str, purpose: str) -> Finding:
    statement = sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(account), sql.SQL(attribute)).as_string()
    return Finding(
        subject=f"role {account}",
        message=f"{account} may not {purpose}",
        observed=f"no {attribute}",
        expected=attribute,
        fix=Fix(text=f"give the account {attribute}", sql=(statement,), side="target"),
    )


def _create(context: CheckContext, database: str | None) -> Iterator[Finding]:
    connection = context.target(database)
    if connection is None:
        return
    row = connection.execute(
        "select pg_catalog.current_database() as name,"
        " pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as may"
    ).fetchone()
    if row and not row.may:
        account = context.facts("target").current_user
        statement = sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(row.name), sql.Identifier(account)
        )
        yield Finding(
            subject=f"database {row.name}",
            message=f"{account} may not create schemas in database {row.name}",
            observed="no CREATE",
            expected="CREATE",
            fix=Fix(text="grant CREATE", sql=(statement.as_string(),), side="target"),
        )


def _memberships(context: CheckContext) -> Iterator[Finding]:
    account = context.facts("target").current_user
    owners = {e.owner for d in context.inventory.databases.values() for e in d.entries.values() if e.owner}
    moved = {role.name for role in context.inventory.roles}
    connection = context.target()
    assert connection is not None
    rows = connection.execute(
        "select rolname from pg_catalog.pg_roles"
        " where rolname = any (%s) and not pg_catalog.pg_has_role(oid, 'member')",
        [sorted(owners - moved)],
    ).fetchall()
    for row in rows:
        statement = sql.SQL("GRANT {} TO {}").format(sql.Identifier(row.rolname), sql.Identifier(account))
        yield Finding(
            subject=f"role {row.rolname}",
            message=f"{account} cannot make {row.rolname} an owner, since it is not a member of it",
            observed="no membership",
            expected=f"a member of {row.rolname}",
            fix=Fix(text="grant the membership", sql=(statement.as_string(),), side="target"),
        )
