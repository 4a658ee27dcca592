"""The target loads the libraries that extensions need at its start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, Undetermined

LIBRARIES: Final = frozenset(
    {
        "age",
        "anon",
        "bdr",
        "citus",
        "pg_cron",
        "pg_failover_slots",
        "pg_net",
        "pg_squeeze",
        "pg_stat_kcache",
        "pg_stat_monitor",
        "pg_stat_statements",
        "pg_tde",
        "pg_wait_sampling",
        "pgaudit",
        "pglogical",
        "spock",
        "timescaledb",
    }
)
"""Extensions whose library, of the same name, must be loaded at the start."""


class ExtensionPreload(Precheck):
    """The target loads the libraries that extensions need at its start.

    What it does
    ------------
    Compares the chosen extensions that work only from `shared_preload_libraries` with what the target loads.

    Why it matters
    --------------
    CREATE EXTENSION fails without the library, or succeeds and every use of it fails. Loading it takes a restart: not
    what one wants to find out during the move.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    `pg_read_all_settings` on the target.

    Example
    -------
        failed  precheck.extension_preload  extension pg_cron needs the library pg_cron in shared_preload_libraries ...

    Limits
    ------
    Extensions that dtsrun does not know of are not looked at.
    """

    name = "precheck.extension_preload"
    side = "target"
    severity = Severity.FAIL
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every extension whose library is not loaded."""
        needed = [
            (database.name, extension.name)
            for database in context.inventory.databases.values()
            for extension in database.extensions
            if extension.name in LIBRARIES
        ]
        if not needed:
            return
        settings = context.facts("target").settings
        if "shared_preload_libraries" not in settings:
            raise Undetermined("the target does not show shared_preload_libraries: grant pg_read_all_settings")
        loaded = settings["shared_preload_libraries"]
        names = [name.strip().strip('"').rpartition("/")[2] for name in loaded.split(",") if name.strip()]
        for database, extension in needed:
            if extension not in names:
                yield _finding(database, extension, names)


def _finding(database: str, extension: str, loaded: list[str]) -> Finding:
    wanted = sql.SQL(", ").join(map(sql.Literal, [*loaded, extension]))
    statement = sql.SQL("ALTER SYSTEM SET shared_preload_libraries = {}").format(wanted)
    return Finding(
        subject=f"{database}.{extension}",
        message=f"extension {extension} needs the library {extension} in shared_preload_libraries of the target",
        observed=", ".join(loaded) or "none",
        expected=extension,
        fix=Fix(
            text="load it (a managed service has a parameter group for that), or exclude the extension",
            sql=(statement.as_string(),),
            side="target",
            takes_effect="restart",
        ),
    )
