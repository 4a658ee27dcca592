"""Over a public network, the server proves who it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, Side
from dtsrun_plugins.prechecks._addresses import address_of

STRONGEST: Final = "verify-full"

LACKS: Final[Mapping[str, str]] = {
    "disable": "nothing is encrypted",
    "allow": "nothing is encrypted unless the server insists",
    "prefer": "whoever is on the way can have the encryption left out, or answer in the server's place",
    "require": "whoever is on the way can answer in the server's place",
    "verify-ca": "whoever has a certificate of the same authority can answer in the server's place",
}
"""What each mode of libpq lets happen; the manual, 32.19 "SSL Support"."""


class TlsVerification(Precheck):
    """Over a public network, the server proves who it is.

    What it does
    ------------
    For an end whose access type is `public_network`, looks whether the TLS mode is `verify-full`: encrypted, signed by
    an authority that we trust, and for the host that we asked for.

    Why it matters
    --------------
    All rows pass the session, password hashes among them, and so does our own login. Whatever the mode does not prove
    can be somebody else: every mode below `verify-full` lets another machine answer.

    Spec
    ----
    `source.access.tls` and `target.access.tls`.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.tls_verification  tls mode require: whoever is on the way can answer in the server's place
          fix: set source.access.tls.mode to verify-full, and name the authority in tls.root_cert

    Limits
    ------
    An end on this machine itself passes. Whether a session is encrypted at all is told by `precheck.clear_text`, for
    every access type.
    """

    name = "precheck.tls_verification"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each public end whose mode is below the strongest."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            route = context.route(side)
            mode = route.parameters.get("sslmode", "prefer")
            if route.network == "public" and mode != STRONGEST and address_of(context, side) is not None:
                yield Finding(
                    subject=side,
                    message=f"tls mode {mode}: {LACKS[mode]}",
                    observed=mode,
                    expected=STRONGEST,
                    fix=Fix(
                        text=f"set {side}.access.tls.mode to {STRONGEST}, and name the authority in tls.root_cert",
                        side=side,
                    ),
                )
