"""The passwords of the roles that move can be read."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, SkipCheck


class PasswordHashes(Precheck):
    """The passwords of the roles that move can be read.

    What it does
    ------------
    Looks whether the source account may read `pg_authid`, where the hashes of passwords stand.

    Why it matters
    --------------
    A role without its hash arrives without a password, and its application cannot log in after the cutover. Managed
    services keep the hashes from everybody.

    Spec
    ----
    `prechecks.policy.checks."precheck.password_hashes"`; it has no options.

    Needs
    -----
    Superuser on the source, to pass.

    Example
    -------
        alarm  precheck.password_hashes  the passwords of 12 roles cannot be read: they arrive without one

    Limits
    ------
    Roles without LOGIN do not count.
    """

    name = "precheck.password_hashes"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield one finding for all roles whose hash is hidden."""
        if not context.inventory.roles:
            raise SkipCheck("no roles are chosen")
        hidden = sorted(r.name for r in context.inventory.roles if r.can_login and not r.password_readable)
        if hidden:
            yield Finding(
                subject="roles",
                message=f"the passwords of {len(hidden)} roles cannot be read: they arrive without one",
                observed=", ".join(hidden),
                expected="pg_authid readable",
                fix=Fix(text="use a superuser on the source, or set the passwords on the target afterwards"),
                evidence={"roles": hidden},
            )
