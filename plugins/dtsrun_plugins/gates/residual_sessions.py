"""Nobody else is connected to the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from psycopg import sql

from dtsrun.api import Finding, Fix, Gate, GateContext, Severity, SkipCheck
from dtsrun.completion.sessions import Exempt, Prepared, Session, prepared_transactions, sessions

NAMES = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "default": [],
}


class ResidualSessions(Gate):
    """Nobody else is connected to the source.

    What it does
    ------------
    Lists the sessions on the databases that are moved, ours and exempt ones apart: by role and application, with their
    addresses, what they are doing and when they last asked for something; and prepared transactions. Where dtsrun is
    to raise a fence itself, which ends them, sessions are no concern of the gate. A prepared transaction is in any
    case, and fails: no fence ends it, and what it holds is on no target until it is committed.

    Why it matters
    --------------
    A pool, a job or a person whom nobody thought of goes on writing to a source that is no longer the truth.

    Spec
    ----
    `prechecks.policy.checks."gate.residual_sessions".options`: `roles` and `applications` are patterns of names that
    are no concern. A waiver names `<database>.<role>`.

    Needs
    -----
    pg_read_all_stats on the source, to see what sessions of others are doing; who is there is seen without.

    Example
    -------
        alarm  gate.residual_sessions  3 sessions of app (billing) on shop from 10.0.0.7: 1 active, 2 idle
          fix: stop the application, or end its sessions; or let dtsrun raise a fence

    Limits
    ------
    A session that reads looks like one that writes. Who connects after the look is not seen: the proof finds what he
    writes.
    """

    name = "gate.residual_sessions"
    side = "source"
    severity = Severity.ALARM
    options = {
        "properties": {
            "roles": {**NAMES, "description": "Patterns of roles whose sessions are no concern."},
            "applications": {**NAMES, "description": "Patterns of application names that are no concern."},
        }
    }

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield who is there, by role and application."""
        connection, databases = context.source(), sorted(context.inventory.databases)
        prepared = prepared_transactions(connection, databases)
        yield from map(_on_prepared, prepared)
        if context.fence != "none":
            if prepared:
                return
            raise SkipCheck(f"the fence ({context.fence}) ends the sessions, and names those that it cannot end")
        exempt = Exempt(roles=tuple(context.options["roles"]), applications=tuple(context.options["applications"]))
        found = [s for s in sessions(connection, databases) if not s.is_ours and not exempt.covers(s)]
        found.sort(key=_by_who)
        for _, group in groupby(found, key=_by_who):
            yield _on_sessions(list(group))


def _by_who(session: Session) -> tuple[str, str, str, str]:
    return (session.database, session.role, session.application, session.kind)


def _on_sessions(group: Sequence[Session]) -> Finding:
    first = group[0]
    application = f" ({first.application})" if first.application else ""
    addresses = sorted({session.address for session in group if session.address})
    origin = f" from {', '.join(addresses)}" if addresses else ""
    noun = "session" if len(group) == 1 else "sessions"
    what = noun if first.kind == "client backend" else f"{noun} ({first.kind})"
    return Finding(
        subject=f"{first.database}.{first.role or 'server'}",
        message=f"{len(group)} {what} of {first.role or 'the server'}{application} on {first.database}{origin}:"
        f" {_states(group)}",
        observed=f"{len(group)} {noun}",
        expected="none",
        fix=Fix(
            text="stop the application, or end its sessions; or let dtsrun raise a fence",
            sql=tuple(f"select pg_terminate_backend({session.pid})" for session in group),
            side="source",
        ),
        evidence={"sessions": [_as_values(session) for session in group]},
    )


def _states(group: Sequence[Session]) -> str:
    states = [session.state or "not visible" for session in group]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    ages = [session.seconds_in_state for session in group if session.seconds_in_state is not None]
    return f"{counted}, the last query {min(ages):.0f} s ago" if ages else counted


def _as_values(session: Session) -> dict[str, object]:
    return {
        "pid": session.pid,
        "state": session.state,
        "address": session.address,
        "seconds_in_state": session.seconds_in_state,
        "seconds_in_transaction": session.seconds_in_transaction,
        "has_written": session.has_written,
    }


def _on_prepared(transaction: Prepared) -> Finding:
    return Finding(
        subject=f"{transaction.database}.{transaction.role}",
        message=f"prepared transaction {transaction.name!r} of {transaction.role} on {transaction.database} can be"
        " committed at any time, and would be missing on the target",
        observed="prepared",
        expected="none",
        fix=Fix(
            text="commit it or roll it back",
            sql=(f"rollback prepared {sql.Literal(transaction.name).as_string()}",),
            side="source",
        ),
        severity=Severity.FAIL,
    )
