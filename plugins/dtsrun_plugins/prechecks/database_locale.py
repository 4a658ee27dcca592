"""The target knows the locales of the databases."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._sessions import session


class DatabaseLocale(Precheck):
    """The target knows the locales of the databases.

    What it does
    ------------
    Reads collation, character type and provider of each chosen database that the target does not have yet, and asks the
    target whether its operating system knows them (by setting `lc_monetary` to them for one statement), or has ICU.

    Why it matters
    --------------
    A locale is a property of a database for good. Where the target does not know it, the database cannot be created,
    and nothing of it arrives.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.database_locale  the target does not know the locale de_DE.UTF-8 of database shop

    Limits
    ------
    A database that exists on the target is used with the locale that it has.
    """

    name = "precheck.database_locale"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every locale that the target does not know."""
        absent = [d.name for d in context.inventory.databases.values() if context.target(d.name) is None]
        rows = context.source().execute(
            "select d.datname::text as name, d.datcollate::text as collate, d.datctype::text as ctype,"
            " coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c') as provider"
            "  from pg_catalog.pg_database d where d.datname = any (%s) order by 1",
            [absent],
        )
        for row in rows.fetchall():
            for locale in sorted({row.collate, row.ctype}):
                if not _knows(session(context, "target"), locale):
                    yield _finding(row.name, f"the locale {locale}", "install it on the target's operating system")
            if row.provider == "i" and not _has_icu(session(context, "target")):
                yield _finding(row.name, "ICU, which compares the texts", "take a target that is built with ICU")
            if row.provider == "b" and context.facts("target").major < 17:
                yield _finding(row.name, "the provider builtin", "take a target of version 17 or later")


def _knows(connection: Connection, locale: str) -> bool:
    try:
        # The only parameter of the kind that anybody may set, and for this statement alone.
        connection.execute("select pg_catalog.set_config('lc_monetary', %s, true)", [locale])
    except psycopg.errors.InvalidParameterValue:
        return False
    return True


def _has_icu(connection: Connection) -> bool:
    row = connection.execute("select from pg_catalog.pg_collation where collprovider = 'i' limit 1").fetchone()
    return row is not None


def _finding(database: str, what: str, remedy: str) -> Finding:
    return Finding(
        subject=database,
        message=f"the target does not know {what} of database {database}",
        observed="unknown",
        expected="known, so that the database can be created",
        fix=Fix(text=f"{remedy}, or create the database by hand with another locale", side="target"),
    )
