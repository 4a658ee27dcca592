"""The target's server can log in to the source's."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Undetermined
from dtsrun.incremental.subscribing import peer_conninfo, probe_login
from dtsrun.postgres.certificates import verdict_of_words
from dtsrun.postgres.sqlstate import describe
from dtsrun_plugins.prechecks._engine import must_pull
from dtsrun_plugins.prechecks._sessions import session

_OR_STREAM = "Or let dtsrun itself carry the changes: migration.stages.incremental.engine: stream"
_FIX = Fix(
    text="open the way (pg_hba.conf, firewall, listen_addresses), say by which address in source.access.peer."
    f" {_OR_STREAM}"
)


class TargetReachesSource(Precheck):
    """The target's server can log in to the source's.

    What it does
    ------------
    Lets the target's server log in to the source's by the address and the account that the subscriptions will use: it
    makes a subscription in a transaction that is rolled back, without slot or worker.

    Why it matters
    --------------
    With the engine `subscription` the target pulls the changes. The way from this machine to both servers says
    nothing about the way between them; found out after the copy, it costs the copy.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_reaches_source"`; it has no options. `source.access.peer` says how the
    target's server reaches the source where its address is another one there.

    Needs
    -----
    The right to create subscriptions on the target (see `precheck.create_subscription`). All versions.

    Example
    -------
        failed  precheck.target_reaches_source  the target's server cannot log in to the source: connection refused
          fix: open the way, or let dtsrun itself carry the changes: migration.stages.incremental.engine: stream

    Limits
    ------
    It tries one database, since the way is the same for all.
    """

    name = "precheck.target_reaches_source"
    side = "both"
    requires = ("precheck.connect",)
    after = ("precheck.create_subscription",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield that there is no way, or why it does not work."""
        must_pull(context)
        database = next(iter(context.inventory.databases), context.spec.source.maintenance_database)
        conninfo = peer_conninfo(context.route("source"), database)
        if conninfo is None:
            yield _finding("the target's server has no way to the source's", "the access type gives none")
            return
        try:
            probe_login(session(context, "target"), conninfo)
        except psycopg.errors.InsufficientPrivilege as error:
            raise Undetermined(f"the account may not make a subscription on the target: {describe(error)}") from error
        except psycopg.Error as error:
            said = describe(error)
            fix = _fix_of_certificates(said) or _FIX
            yield _finding(f"the target's server cannot log in to the source: {said}", said, fix)


def _fix_of_certificates(said: str) -> Fix | None:
    """Return what mends TLS of the line between the servers; None where something else is wrong."""
    verdict = verdict_of_words(said)
    if verdict is not None:
        hint = verdict[1].replace("access.tls.", "source.access.peer.")
    elif "certificate verify failed" in said:
        hint = "the file of source.access.peer.root_cert must hold the authority that signed the source's certificate"
    else:
        return None
    return Fix(text=f"{hint}; files that source.access.peer names lie on the target's server. {_OR_STREAM}")


def _finding(message: str, observed: str, fix: Fix = _FIX) -> Finding:
    return Finding(
        subject="target", message=message, observed=observed, expected="a login from the target's server", fix=fix
    )
