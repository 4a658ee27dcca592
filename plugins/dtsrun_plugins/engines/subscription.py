"""The engine `subscription`."""

from __future__ import annotations

import time
from importlib import resources
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Engine, EngineContext, Link, LinkStatus
from dtsrun.errors import AccessError, MigrationError
from dtsrun.incremental.subscribing import peer_conninfo, run_without_trace
from dtsrun.postgres.lsn import parse_lsn

STOP_SECONDS: Final = 60.0
"""How long an apply worker has to end after its subscription was disabled."""

ROOM_FOR_WORKERS: Final = 4
"""How many workers more are proposed where there are none left: a restart costs the same for one."""


class Subscription(Engine):
    """The target's server pulls the changes: a subscription of PostgreSQL's own logical replication

    What it does
    ------------
    Makes a subscription on the target for each link, on the very slot whose snapshot the rows were copied in:
    `create_slot = false, copy_data = false`. The target's apply worker then takes every transaction in the order in
    which the source committed them. Pausing disables the subscription, which keeps its position.

    Why it matters
    --------------
    The work is done by the servers, the runner only looks on: it may be stopped and started while changes flow. What
    is committed and the position that it goes on from are one transaction of the target's.

    Spec
    ----
    `migration.stages.incremental.engine: subscription`, which is what is taken where nothing is said.

    Needs
    -----
    The target's server must reach the source's: the access type of the source says by which address. On the target a
    superuser, or from version 16 on a member of pg_create_subscription with CREATE on the database. The account that
    the target logs in with, the one of the source's endpoint, has REPLICATION.

    Example
    -------
    ::

        migration:
          type: full_incremental
          objects: entire_instance
          stages: {incremental: {engine: subscription}}

    Limits
    ------
    The password of the source's account lies in the target's catalog pg_subscription, readable by superusers alone,
    until the task is complete; where the target logs statements it lies in that log too. A row that the target has
    not got when it is changed or deleted is passed over by the server without a word: verification finds it. A TRUNCATE
    is refused where a table that is not emptied with the others refers to one that is: dtsrun drops that foreign key on
    the target within a minute, says so, and completion makes it again.
    """

    name = "engine.subscription"
    needs_peer = True

    def start(self, context: EngineContext, link: Link) -> None:
        """Make the subscription, or enable the one that is there."""
        target = context.target(link.database)
        conninfo = _conninfo(context, link)
        name = sql.Identifier(link.name)
        if _row(target, link) is None:
            context.created("target", "subscription", link.name, link.database)
            run_without_trace(target, _create(link, conninfo))
            return
        # The address or the password may be another one than it was.
        change = sql.SQL("alter subscription {} connection {}").format(name, sql.Literal(conninfo))
        run_without_trace(target, change)
        target.execute(sql.SQL("alter subscription {} enable").format(name))

    def status(self, context: EngineContext, link: Link) -> LinkStatus:
        """Ask both ends."""
        row = _row(context.target(link.database), link)
        if row is None:
            return LinkStatus(link=link.name, state="failed", error=f"subscription {link.name} is gone from the target")
        return LinkStatus(
            link=link.name,
            state="stopped" if not row.is_enabled else "streaming" if row.pid else "starting",
            received=parse_lsn(row.received) if row.received else None,
            applied=_applied(context, link),
            error=None if row.pid or not row.is_enabled else _why_no_worker(context.target(link.database)),
            at=row.heard_at,
        )

    def stop(self, context: EngineContext, link: Link) -> None:
        """Disable it, and wait until its worker has ended and the slot is free."""
        target = context.target(link.database)
        if _row(target, link) is None:
            return
        target.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(link.name)))
        patience = context.patience(STOP_SECONDS)
        deadline = time.monotonic() + patience
        # A worker that was started before holds no slot yet, and would take it up: the worker first, then the slot.
        while _has_worker(target, link) or _is_active(context.source(link.database), link):
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"slot {link.name} of the source is still in use {patience:.0f} s after its subscription was"
                    " disabled",
                    hint="look at pg_stat_replication on the source, and pg_stat_subscription on the target, for who"
                    " holds it",
                )
            time.sleep(0.1)

    def take_out(self, context: EngineContext, link: Link) -> None:
        """Let the subscription forget tables that its publications do not name any more."""
        target = context.target(link.database)
        if _row(target, link) is None or _subscribed(target, link) <= {(t.schema, t.name) for t in link.tables}:
            return
        # The server refuses to do it with a subscription that is disabled.
        self.start(context, link)
        refresh = sql.SQL("alter subscription {} refresh publication with (copy_data = false)")
        target.execute(refresh.format(sql.Identifier(link.name)))
        # A worker that runs goes on with what it knew; the next one passes over what was still on its way.
        self.stop(context, link)

    def remove(self, context: EngineContext, link: Link) -> None:
        """Drop the subscription without touching the slot."""
        target = context.target(link.database)
        if _row(target, link) is None:
            return
        name = sql.Identifier(link.name)
        with target.transaction():
            target.execute(sql.SQL("alter subscription {} disable").format(name))
            target.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(name))
            target.execute(sql.SQL("drop subscription {}").format(name))


def _create(link: Link, conninfo: str) -> sql.Composed:
    return sql.SQL(
        "create subscription {} connection {} publication {}"
        " with (create_slot = false, slot_name = {}, copy_data = false)"
    ).format(
        sql.Identifier(link.name),
        sql.Literal(conninfo),
        sql.SQL(", ").join(map(sql.Identifier, link.publications)),
        sql.Literal(link.name),
    )


def _conninfo(context: EngineContext, link: Link) -> str:
    conninfo = peer_conninfo(context.route("source"), link.database)
    if conninfo is None:
        raise AccessError(
            "the target's server has no way to the source's, and engine subscription needs one",
            where="target",
            hint="set migration.stages.incremental.engine to stream: then dtsrun itself carries the changes",
        )
    return conninfo


def _row(target: Connection, link: Link) -> Any:
    query = resources.files(__package__).joinpath("subscription_status.sql").read_bytes()
    return target.execute(query, [link.name]).fetchone()


def _why_no_worker(target: Connection) -> str:
    """Return why a subscription has no apply worker: the target has none left, or its log tells."""
    query = resources.files(__package__).joinpath("subscription_workers.sql").read_bytes()
    row = target.execute(query).fetchone()
    assert row is not None  # sub-selects alone
    for name, most, taken in (
        ("max_logical_replication_workers", row.most_workers, row.workers),
        ("max_worker_processes", row.most_processes, row.processes),
    ):
        if taken >= most:
            return (
                f"its apply worker cannot start: {taken} of the {most} that {name} of the target allows are taken;"
                f" run there: alter system set {name} = {taken + ROOM_FOR_WORKERS}; and restart the server, or drop"
                " subscriptions that nobody needs"
            )
    return "its apply worker does not run; the target's log says why"


def _has_worker(target: Connection, link: Link) -> bool:
    """Tell whether a process applies a subscription, or is about to. One that starts later sees that it is disabled."""
    query = "select from pg_catalog.pg_stat_subscription where subname = %s and pid is not null"
    return bool(target.execute(query, [link.name]).rowcount)


def _subscribed(target: Connection, link: Link) -> set[tuple[str, str]]:
    """Return schema and name of the tables that a subscription takes changes of."""
    rows = target.execute(
        "select n.nspname::text as schema, c.relname::text as name from pg_catalog.pg_subscription_rel r"
        "  join pg_catalog.pg_stat_subscription s on s.subid = r.srsubid"
        "  join pg_catalog.pg_class c on c.oid = r.srrelid"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace where s.subname = %s",
        [link.name],
    ).fetchall()
    return {(row.schema, row.name) for row in rows}


def _applied(context: EngineContext, link: Link) -> int | None:
    """Return the position up to which the target has committed: what it told the source, or what its own origin knows,
    which is ahead by what is not flushed yet."""
    told = _slot(context.source(link.database), link)
    own = _origin(context.target(link.database), link)
    known = [parse_lsn(text) for text in (told.confirmed if told else None, own) if text]
    return max(known, default=None)


def _slot(source: Connection, link: Link) -> Any:
    return source.execute(
        "select active as is_active, confirmed_flush_lsn::text as confirmed"
        "  from pg_catalog.pg_replication_slots where slot_name = %s",
        [link.name],
    ).fetchone()


def _is_active(source: Connection, link: Link) -> bool:
    row = _slot(source, link)
    return bool(row and row.is_active)


def _origin(target: Connection, link: Link) -> str | None:
    try:
        row = target.execute(
            "select o.remote_lsn::text as position from pg_catalog.pg_subscription s"
            "  join pg_catalog.pg_replication_origin_status o on o.external_id = 'pg_' || s.oid::text"
            " where s.subname = %s",
            [link.name],
        ).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return row.position if row else None
