"""How many sessions are at work on the source."""

from __future__ import annotations

from dtsrun.api import Signal, Throttle, ThrottleContext
from dtsrun.inventory import matches
from dtsrun.watch.statistics import refuse_blindness


class ActiveSessions(Throttle):
    """How many sessions are at work on the source.

    What it does
    ------------
    Counts the sessions of clients, in all databases, that are running a statement at the moment of the look. Those of
    dtsrun do not count.

    Why it matters
    --------------
    More statements at once than the server has processors wait for each other: the application feels the copy. Where it
    is quiet at night and busy at noon, the copy makes room by itself.

    Spec
    ----
        resources:
          throttle:
            active_sessions: {limit: 16}

    Needs
    -----
    pg_read_all_stats on the source (a member of pg_monitor has it); without it nobody else's state can be seen, which
    is said.

    Example
    -------
        copies are held: 23 active sessions, limit 16

    Limits
    ------
    A look sees a moment, and a moment may be a peak: keep the limit above what is usual. Sessions that wait for a lock
    are active too.
    """

    name = "throttle.active_sessions"
    options = {
        "required": ["limit"],
        "properties": {
            "limit": {"description": "Sessions from which on copies are held.", "type": "integer", "minimum": 1},
            "ignore": {
                "description": "Patterns of application names that do not count.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "default": [],
            },
        },
    }

    def look(self, context: ThrottleContext) -> Signal:
        """Return how many are active."""
        refuse_blindness(context.connection, "what other sessions of the source do")
        rows = context.connection.execute(
            "select coalesce(a.application_name, '') as application from pg_catalog.pg_stat_activity a"
            " where a.state in ('active', 'fastpath function call') and a.backend_type = 'client backend'"
            "   and a.pid <> pg_catalog.pg_backend_pid()"
            "   and not (a.usename = current_user and a.application_name ~ '^dtsrun( |$)')"
        ).fetchall()
        ignored = context.options["ignore"]
        count = sum(not any(matches(pattern, row.application) for pattern in ignored) for row in rows)
        limit = context.options["limit"]
        noun = "session" if count == 1 else "sessions"
        return Signal(reading=count, limit=limit, told=f"{count} active {noun}, limit {limit}")
