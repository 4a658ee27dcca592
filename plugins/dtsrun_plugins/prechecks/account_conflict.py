"""The target has no roles of the same names."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, SkipCheck


class AccountConflict(Precheck):
    """The target has no roles of the same names.

    What it does
    ------------
    Compares the roles that move with those that the target has. The account that dtsrun uses there and the server's
    own first role are left out.

    Why it matters
    --------------
    Two roles of one name are rarely one person: to take over attributes, password and memberships would hand out
    rights that nobody granted.

    Spec
    ----
    `migration.on_conflict`: with `skip` or `drop` a double is an alarm and the target's role stays as it is.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        failed  precheck.account_conflict  role app exists on the target already

    Limits
    ------
    Predefined roles (`pg_*`) never move and are not compared.
    """

    name = "precheck.account_conflict"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every double."""
        if not context.inventory.roles:
            raise SkipCheck("no roles are chosen")
        facts = context.facts("target")
        connection = context.target()
        assert connection is not None
        rows = connection.execute("select rolname from pg_catalog.pg_roles").fetchall()
        own = {facts.current_user, facts.bootstrap_role, context.facts("source").bootstrap_role}
        doubles = {row.rolname for row in rows} & {role.name for role in context.inventory.roles} - own
        severity = Severity.FAIL if context.spec.on_conflict == "fail" else Severity.ALARM
        for name in sorted(doubles):
            rename = sql.SQL("ALTER ROLE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(f"{name}_old"))
            yield Finding(
                subject=f"role {name}",
                message=f"role {name} exists on the target already",
                observed="exists",
                expected="absent",
                fix=Fix(text="rename or drop it on the target", sql=(rename.as_string(),), side="target"),
                severity=severity,
            )
