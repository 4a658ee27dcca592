"""The target takes the settings of roles and databases."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Setting, Severity
from dtsrun_plugins.prechecks._sessions import session


class RoleSettings(Precheck):
    """The target takes the settings of roles and databases.

    What it does
    ------------
    Looks up each setting that ALTER ROLE SET or ALTER DATABASE SET left on the source among the parameters of the
    target: whether it is known there, may be set so, and by this account.

    Why it matters
    --------------
    A refused setting is left out, and the report says so after the fact: a role without its statement_timeout or
    search_path behaves otherwise from the first query on.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.role_settings  the target does not know the parameter vacuum_defer_cleanup_age (role app)

    Limits
    ------
    Parameters with a dot in their name belong to extensions and are taken as they are.
    """

    name = "precheck.role_settings"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every setting that would be refused."""
        rows = session(context, "target").execute(
            "select pg_catalog.lower(name) as name, context::text as context from pg_catalog.pg_settings"
        )
        known = {row.name: row.context for row in rows.fetchall()}
        for setting in context.inventory.settings:
            reason = None if "." in setting.name else _refused(setting.name, known, context)
            if reason:
                yield _finding(setting, reason)


def _refused(name: str, known: dict[str, str], context: CheckContext) -> str | None:
    kind = known.get(name.lower())
    if kind is None:
        return f"the target does not know the parameter {name}"
    if kind in ("internal", "postmaster", "sighup"):
        return f"the target takes the parameter {name} for the whole server only"
    facts = context.facts("target")
    if kind.startswith("superuser") and not facts.is_superuser:
        return f"on the target only a superuser may set the parameter {name}, which {facts.current_user} is not"
    return None


def _finding(setting: Setting, reason: str) -> Finding:
    places = [("role", setting.role), ("database", setting.database)]
    place = ", ".join(f"{kind} {name}" for kind, name in places if name) or "role all"
    kind, name = ("ROLE", setting.role) if setting.role or not setting.database else ("DATABASE", setting.database)
    statement = sql.SQL("ALTER {} {}{} RESET {}").format(
        sql.SQL(kind),
        sql.Identifier(name) if name else sql.SQL("ALL"),
        sql.SQL(" IN DATABASE {}").format(sql.Identifier(setting.database))
        if setting.database and setting.role
        else sql.SQL(""),
        sql.Identifier(setting.name),
    )
    return Finding(
        subject=place,
        message=f"{reason} ({place})",
        observed="refused",
        expected=f"{setting.name} = {setting.value}",
        fix=Fix(
            text="take the setting away, or accept that it stays behind", sql=(statement.as_string(),), side="source"
        ),
    )
