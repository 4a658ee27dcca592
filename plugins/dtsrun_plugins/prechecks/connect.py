"""Both ends can be reached, and let us in."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Side


class Connect(Precheck):
    """Both ends can be reached, and let us in.

    What it does
    ------------
    Makes the connectivity test of each end in steps (the route, TCP, the login) and tells apart a name that does not
    resolve, a refused connection, a timeout, TLS, authentication, and a database that does not exist.

    Why it matters
    --------------
    Nothing else can be known before. Each cause has another remedy, and a wrong password must never look like a
    network that is down.

    Spec
    ----
    `prechecks.policy.checks."precheck.connect"`; it has no options.

    Needs
    -----
    CONNECT on the maintenance database of both ends. All versions.

    Example
    -------
        failed  precheck.connect  target: password authentication failed for user "migrator"

    Limits
    ------
    One login is tried on each end, so that no account is locked by the test.
    """

    name = "precheck.connect"

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield the step of each end that failed."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            for result in context.probe(side):
                if result.status == "failed":
                    yield Finding(
                        subject=side,
                        message=f"{side}: {result.message}",
                        observed=result.cause or "failed",
                        expected="a login",
                        fix=Fix(text=result.hint, side=side) if result.hint else None,
                        evidence={"step": result.step, "seconds": result.seconds},
                    )
