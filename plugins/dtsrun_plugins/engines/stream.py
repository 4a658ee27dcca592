"""The engine `stream`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import psycopg

from dtsrun.api import Engine, EngineContext, Link, LinkStatus
from dtsrun.errors import MigrationError
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.stream import positions

if TYPE_CHECKING:
    from dtsrun.stream.carrier import Order
    from dtsrun.stream.process import CarrierProcess

END_SECONDS: Final = 30.0
"""How long a process has to end by itself."""

STOP_SECONDS: Final = 60.0
"""How long the source has to notice that nobody reads its slot any more."""

RESTART_SECONDS: Final = 5.0
"""Between two starts of a process that ends by itself."""


class Stream(Engine):
    """dtsrun carries the changes itself: it reads the source's slot and applies to the target

    What it does
    ------------
    Runs a process for each link that reads the slot (pgoutput) over a replication connection and applies every
    transaction on the target, in the order in which the source committed them. The position is committed on the target
    in the same transaction as the data, in the schema _dtsrun, together with the source's system identifier: however it
    ends, it goes on exactly there, and never from what another task or another server left. The source is told to
    forget only what the target has on disk. What the target cannot take yet is not read, so that a transaction
    of any size takes no more memory than a small one.

    Why it matters
    --------------
    The two servers need not see each other: it is enough that the runner sees both. No password is stored on the
    target. A row that is not there when it is to be changed or deleted is counted and told, and an error names the
    table and the key of the row.

    Spec
    ----
    `migration.stages.incremental.engine: stream`; it has no options.

    Needs
    -----
    REPLICATION on the source. On the target the right to write the tables, and to set session_replication_role
    (superusers, or by GRANT SET from version 15 on): without it, it begins only where the tables that it follows have
    no triggers and foreign keys that would do once more what the source did already.

    Example
    -------
    ::

        migration:
          type: full_incremental
          objects: entire_instance
          stages: {incremental: {engine: stream}}

    Limits
    ------
    Changes flow while the runner runs; while it does not, the slot keeps the WAL on the source. A column GENERATED
    ALWAYS AS IDENTITY that is no part of the key cannot be set by an UPDATE: where the source gave it a new default,
    verification finds the row. Names in a database of the encoding SQL_ASCII must be UTF-8.
    """

    name = "engine.stream"

    def __init__(self) -> None:
        self._processes: dict[str, CarrierProcess] = {}
        self._started: dict[str, float] = {}

    def start(self, context: EngineContext, link: Link) -> None:
        """Start the link's process, unless it runs."""
        running = self._processes.get(link.name)
        if running is not None and running.is_alive:
            return
        if running is not None:
            running.stop(0)
        if positions.read(context.target(link.database), link.name) is None:
            context.created("target", "stream position", link.name, link.database)
        self._started[link.name] = time.monotonic()
        from dtsrun.stream.process import CarrierProcess

        self._processes[link.name] = CarrierProcess(_order(context, link))

    def status(self, context: EngineContext, link: Link) -> LinkStatus:
        """Ask the process; one that ended by itself is started again."""
        running = self._processes.get(link.name)
        if running is None:
            return _stopped(context, link)
        status = running.status()
        if running.is_alive:
            return status
        if time.monotonic() - self._started[link.name] > RESTART_SECONDS:
            self.start(context, link)
        return replace(status, state="starting", error=f"{status.error or 'its process ended'}; it is started again")

    def stop(self, context: EngineContext, link: Link) -> None:
        """End the process, and wait until the slot is free."""
        running = self._processes.pop(link.name, None)
        if running is None:
            return
        running.stop(context.patience(END_SECONDS))
        patience = context.patience(STOP_SECONDS)
        deadline = time.monotonic() + patience
        while (row := _slot(context, link)) and row.is_active:
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"slot {link.name} of the source is still in use {patience:.0f} s after nobody reads it",
                    hint="look at pg_stat_replication on the source for who holds it",
                )
            time.sleep(0.1)

    def confirmed_at_most(self, context: EngineContext, link: Link) -> int | None:
        """Return what the target remembers, which it does before the source is told."""
        applied = positions.read(context.target(link.database), link.name)
        return applied.position if applied else None

    def take_out(self, context: EngineContext, link: Link) -> None:
        """End the process: the next one passes over what is not of the link's tables."""
        self.stop(context, link)

    def remove(self, context: EngineContext, link: Link) -> None:
        """End the process, and forget its position."""
        self.stop(context, link)
        positions.forget(context.target(link.database), link.name)


def _order(context: EngineContext, link: Link) -> Order:
    from dtsrun.stream.carrier import Order

    return Order(
        link=link,
        source=context.route("source"),
        target=context.route("target"),
        target_database=context.spec.selection.target_name(link.database),
        is_replica=_may_be_replica(context, link),
    )


def _may_be_replica(context: EngineContext, link: Link) -> bool:
    """Tell whether triggers can be switched off.

    Raises:
        MigrationError: they cannot, and there are some.
    """
    target = context.target(link.database)
    try:
        with target.transaction():
            target.execute("set local session_replication_role = replica")
        return True
    except psycopg.errors.InsufficientPrivilege:
        firing = _firing(context, link)
    if not firing:
        return False
    raise MigrationError(
        f"the target's account may not set session_replication_role, and triggers or foreign keys of"
        f" {', '.join(firing[:5])} would do once more what the source did already",
        where="target",
        hint="from version 15 on: grant set on parameter session_replication_role to the account; before, log in as a"
        " superuser",
    )


def _firing(context: EngineContext, link: Link) -> list[str]:
    """Return followed tables with triggers that would fire, those of foreign keys among them."""
    rows = (
        context.target(link.database)
        .execute(
            "select distinct n.nspname::text as schema, c.relname::text as name"
            "  from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid"
            "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace where t.tgenabled = 'O'"
        )
        .fetchall()
    )
    followed = {(table.schema, table.name) for table in link.tables}
    return sorted(f"{row.schema}.{row.name}" for row in rows if (row.schema, row.name) in followed)


def _stopped(context: EngineContext, link: Link) -> LinkStatus:
    """Return how a link stands that no process carries: what the target and the slot remember."""
    applied = positions.read(context.target(link.database), link.name)
    if applied is not None:
        return LinkStatus(link=link.name, state="stopped", applied=applied.position, counts=applied.counts)
    slot = _slot(context, link)
    confirmed = parse_lsn(slot.confirmed) if slot and slot.confirmed else None
    return LinkStatus(link=link.name, state="stopped", applied=confirmed)


def _slot(context: EngineContext, link: Link) -> Any:
    return (
        context.source(link.database)
        .execute(
            "select active as is_active, confirmed_flush_lsn::text as confirmed"
            "  from pg_catalog.pg_replication_slots where slot_name = %s",
            [link.name],
        )
        .fetchone()
    )
