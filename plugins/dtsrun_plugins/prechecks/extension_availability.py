"""The target has the extensions that are installed on the source."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Extension, Finding, Fix, Precheck, Severity


class ExtensionAvailability(Precheck):
    """The target has the extensions that are installed on the source.

    What it does
    ------------
    Compares the extensions of every chosen database, as a set, with what the target could install
    (`pg_available_extension_versions`), not with what it has installed.

    Why it matters
    --------------
    A missing extension is found late: at the first type or function of it, and everything that uses it fails after.

    Spec
    ----
    `prechecks.policy.checks."precheck.extension_availability"`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        failed  precheck.extension_availability  shop: extension postgis is not available on the target

    Limits
    ------
    Whether the account may create it (some need a superuser) shows at its creation. Another version than the source's
    is an alarm: the target then installs its own default version.
    """

    name = "precheck.extension_availability"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is not available, or not in the version of the source."""
        connection = context.target()
        assert connection is not None
        rows = connection.execute("select name, version from pg_catalog.pg_available_extension_versions").fetchall()
        available: dict[str, set[str]] = {}
        for row in rows:
            available.setdefault(row.name, set()).add(row.version)
        for database in context.inventory.databases.values():
            for extension in database.extensions:
                if extension.name != "plpgsql":
                    yield from _compare(database.name, extension, available)


def _compare(database: str, extension: Extension, available: dict[str, set[str]]) -> Iterator[Finding]:
    versions = available.get(extension.name)
    subject = f"{database}.{extension.name}"
    if versions is None:
        yield Finding(
            subject=subject,
            message=f"extension {extension.name} is not available on the target",
            observed="not available",
            expected=extension.version,
            fix=Fix(text="install the extension's package on the target's machine, or ask its operator", side="target"),
        )
    elif extension.version not in versions:
        yield Finding(
            subject=subject,
            message=f"extension {extension.name} is not available in version {extension.version} on the target",
            observed=", ".join(sorted(versions)),
            expected=extension.version,
            severity=Severity.ALARM,
        )
