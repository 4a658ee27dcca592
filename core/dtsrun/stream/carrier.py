"""Carries one link: reads the slot, applies, confirms; begins again after faults. The body of a process of its own.

One thread serves both servers and never waits for one alone, so that the source hears of us while the target is busy.
What the target cannot take yet is not read: the network holds the source back, and memory stays flat.
"""

from __future__ import annotations

import select
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from typing import Final

import psycopg

from dtsrun.api import Link, LinkStatus, Route
from dtsrun.errors import DtsrunError, MigrationError
from dtsrun.postgres.session import connect
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.stream import pgoutput, positions
from dtsrun.stream.applier import Applier, Ticket
from dtsrun.stream.pipeline import Pipeline, StatementFailed
from dtsrun.stream.walsender import Wal, Walsender
from dtsrun.watch.continuity import read_states, why_broken

TICK_SECONDS: Final = 0.25
MESSAGES_AT_ONCE: Final = 500
STATEMENTS_OUT: Final = 3000
BYTES_OUT: Final = 8 * 1024 * 1024
"""What may be on its way to the target; beyond, nothing is read from the source."""

CONFIRM_SECONDS: Final = 1.0
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
CALM_SECONDS: Final = 10.0
"""What failed does not come again when nothing has come for so long after a new start."""

SILENCE_SECONDS: Final = 300.0
"""A source that is asked each second and says nothing for so long may be out of reach. Servers before 16 are silent as
well while they decode a large transaction of others, so the second time we wait twice as long, and so on."""

SETTINGS: Final = {
    # The source forgets what we confirm, so that the commits we confirm say otherwise.
    "synchronous_commit": "off",
    # One plan for all values of a key: to make it anew for each row takes longer than to run it.
    "plan_cache_mode": "force_generic_plan",
}
REPLICA: Final = {"session_replication_role": "replica"}
"""Triggers and foreign keys have done their work on the source."""

STOP: Final = "stop"
STATUS: Final = "status"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to carry, and between which servers."""

    link: Link
    source: Route = field(repr=False)
    target: Route = field(repr=False)
    target_database: str
    is_replica: bool
    """Whether the target's account may switch triggers off."""


class Stopped(Exception):
    """We were told to stop, or whoever started us is gone."""


class Carrier:
    """Carries a link until it is told to stop."""

    def __init__(self, order: Order, control: Pipe) -> None:
        self._order = order
        self._link = order.link
        self._control = control
        self._status = LinkStatus(link=order.link.name, state="starting")
        self._is_stopping = False
        self._is_careful = False
        """After a failure: one row a statement, so that the next one names its row."""
        self._pause = FIRST_PAUSE_SECONDS
        self.patience = SILENCE_SECONDS
        self._begun = (0, 0.0)
        """Position and time that the servers were last connected at."""

    def run(self) -> None:
        """Carry until told to stop."""
        try:
            while not self._is_stopping:
                try:
                    self._carry()
                except (psycopg.Error, StatementFailed, pgoutput.ProtocolError, DtsrunError, OSError) as error:
                    self._bear(error)
        except Stopped:
            return

    # --- faults ------------------------------------------------------------------------------------------------

    def _bear(self, error: Exception) -> None:
        cause = error.error if isinstance(error, StatementFailed) else error
        is_transient = isinstance(cause, OSError) or reaction(cause) is Reaction.RETRY
        was_careful, self._is_careful = self._is_careful, self._is_careful or not is_transient
        if isinstance(error, StatementFailed) and self._is_careful and not was_careful:
            return
        said, table = _told(error)
        self._status = replace(self._status, state="starting" if is_transient else "failed", error=said, table=table)
        until = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        while (left := until - time.monotonic()) > 0 and not self._is_stopping:
            if self._control.poll(left):
                self._answer()

    # --- the flow ----------------------------------------------------------------------------------------------

    def _carry(self) -> None:
        order = self._order
        with ExitStack() as stack:
            settings = {**SETTINGS, **(REPLICA if order.is_replica else {})}
            name = f"stream {self._link.name}"
            target = stack.enter_context(
                closing(connect(order.target, order.target_database, settings=settings, purpose=name))
            )
            source = stack.enter_context(Walsender(order.source, self._link.database, self._link.name))
            applied = positions.begin(target, self._link, source.system())
            self._begun = (applied.position, time.monotonic())
            if source.is_unencoded:
                target.execute("set client_encoding to 'SQL_ASCII'")
            catalog = stack.enter_context(closing(connect(order.target, order.target_database, purpose=name)))
            source.start(self._link.name, self._link.publications, applied.position)
            _refuse_another_slot(order, applied.position)  # while we hold it, nobody can make it anew
            pipeline: Pipeline[Ticket] = Pipeline(target)
            applier = Applier(pipeline, catalog, self._link, applied, careful=self._is_careful)
            _Flow(self, source, pipeline, applier).run()

    def look(self, timeout: float, *sockets: tuple[int, int]) -> None:
        """Wait until one of some sockets is ready or somebody speaks to us."""
        poll = select.poll()
        for descriptor, events in sockets:
            poll.register(descriptor, events)
        poll.register(self._control.fileno(), select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(timeout * 1000)}
        if self._control.fileno() in ready:
            self._answer()

    @property
    def is_stopping(self) -> bool:
        """Whether we were told to stop."""
        return self._is_stopping

    def tell(self, applier: Applier, received: int, heard_at: datetime) -> None:
        """Note how it goes."""
        durable = received if applier.is_idle else applier.position
        position, begun_at = self._begun
        is_calm = applier.is_idle and time.monotonic() - begun_at > CALM_SECONDS
        if applier.position > position or is_calm:
            self._is_careful = False
            self._pause = FIRST_PAUSE_SECONDS
        failed = self._is_careful and self._status.state == "failed"
        self._status = LinkStatus(
            link=self._link.name,
            state="failed" if failed else "streaming",
            received=received,
            applied=max(durable, self._status.applied or 0),
            error=self._status.error if failed else None,
            table=self._status.table if failed else None,
            at=heard_at,
            counts=applier.counts,
        )

    def _answer(self) -> None:
        """Answer whoever started us. Raises Stopped where he is gone."""
        try:
            said = self._control.recv()
            if said == STATUS:
                self._control.send(self._status)
        except (EOFError, OSError):
            raise Stopped from None
        if said == STOP:
            self._is_stopping = True


class _Flow:
    """One connection to each server, from the slot to the tables."""

    def __init__(self, carrier: Carrier, source: Walsender, pipeline: Pipeline[Ticket], applier: Applier) -> None:
        self._carrier = carrier
        self._source = source
        self._pipeline = pipeline
        self._applier = applier
        self._received = applier.position
        self._heard = datetime.now(UTC)
        self._taken = 0
        self._silent_since = time.monotonic()
        self._confirm_at = self._pass_at = 0.0
        self._confirmed = 0
        self._must_answer = False

    def run(self) -> None:
        """Go on until told to stop."""
        while True:
            is_dry = self._read()
            self._apply(is_dry)
            self._carrier.tell(self._applier, self._received, self._heard)
            self._confirm()
            if self._carrier.is_stopping and self._has_ended():
                return
            self._wait(is_dry)

    def _has_room(self) -> bool:
        return self._pipeline.unanswered < STATEMENTS_OUT and self._pipeline.bytes_out < BYTES_OUT

    def _read(self) -> bool:
        """Take some of what has come; return whether that was all."""
        before = self._taken
        is_dry = self._take()
        if self._taken > before:
            self._heard = datetime.now(UTC)
        if self._taken > before or not is_dry:
            self._silent_since = time.monotonic()
        else:
            self._endure()
        return is_dry

    def _take(self) -> bool:
        applier = self._applier
        for _ in range(MESSAGES_AT_ONCE):
            if not self._has_room():
                return False
            if self._carrier.is_stopping and not applier.in_transaction:
                return True
            message = self._source.read()
            if message is None:
                return True
            self._taken += 1
            if message.lsn > self._received:
                self._received = message.lsn
            if isinstance(message, Wal):
                applier.apply(pgoutput.read(message.data, message.start))
                if applier.is_due:
                    applier.commit(to_disk=applier.is_due_on_disk)
            else:
                self._must_answer |= message.wants_answer
        return False

    def _endure(self) -> None:
        """Bear the source's silence, for a while; while the target keeps us busy we do not listen."""
        patience = self._carrier.patience
        if time.monotonic() - self._silent_since > patience:
            self._carrier.patience = patience * 2
            raise psycopg.OperationalError(f"the source has said nothing for {patience:.0f} s")

    def _apply(self, is_dry: bool) -> None:
        applier = self._applier
        # While one commit waits for the disk, what comes meanwhile is gathered for the next.
        if is_dry and applier.needs_disk and not applier.commits_to_disk:
            applier.commit(to_disk=True)
        elif applier.is_open:
            applier.send()
        self._pipeline.flush()
        applier.collect()

    def _confirm(self) -> None:
        """Tell the source what it may forget: nothing that the target does not know of."""
        now = time.monotonic()
        applier = self._applier
        if applier.is_idle and self._received > applier.position and now >= self._pass_at:
            self._pass_at = now + CONFIRM_SECONDS
            applier.pass_to(self._received)
        durable = applier.position
        is_news = durable > self._confirmed and now > self._confirm_at - CONFIRM_SECONDS * 0.9
        if is_news or self._must_answer or now >= self._confirm_at:
            is_silent = now >= self._confirm_at and not is_news
            self._source.confirm(received=self._received, durable=durable, ask=is_silent)
            self._confirmed, self._confirm_at, self._must_answer = durable, now + CONFIRM_SECONDS, False

    def _has_ended(self) -> bool:
        """Tell whether we may leave: all is committed, or we are amid a transaction that comes again."""
        applier = self._applier
        if not applier.is_idle and not applier.in_transaction:
            return False
        if applier.is_idle and self._received > applier.position:
            applier.pass_to(self._received)
            return False
        self._source.confirm(received=self._received, durable=applier.position)
        return True

    def _wait(self, is_dry: bool) -> None:
        sockets = [(self._pipeline.socket, select.POLLIN | (select.POLLOUT if self._pipeline.has_unsent else 0))]
        if self._has_room():
            sockets.append((self._source.socket, select.POLLIN))
        at_once = not is_dry and self._has_room()
        self._carrier.look(0 if at_once else TICK_SECONDS, *sockets)


def _refuse_another_slot(order: Order, position: int) -> None:
    """Do not go on with a slot that has passed over what the target lacks. Raises MigrationError."""
    link = order.link
    with closing(connect(order.source, link.database, purpose=f"stream {link.name}")) as connection:
        state = read_states(connection, [link.name]).get(link.name)
    if state is not None and (why := why_broken(state, None, position)) is not None:
        raise MigrationError(f"source: {link.name} is lost: {why}", hint="its tables have to be copied anew")


def _told(error: Exception) -> tuple[str, str | None]:
    """Return an error in words that show no value but a key's, and the table that it is about."""
    if not isinstance(error, StatementFailed):
        return (describe(error), None)
    cause, ticket = error.error, error.ticket
    said = cause.diag.message_primary or " ".join(str(cause).split())
    if cause.sqlstate:
        said += f" (SQLSTATE {cause.sqlstate})"
    # Other details show whole rows.
    if cause.sqlstate in ("23505", "23503", "23P01") and cause.diag.message_detail:
        said += f": {cause.diag.message_detail}"
    if not isinstance(ticket, Ticket) or ticket.destination is None:
        return said, None
    table = ticket.destination.qualified
    key = ticket.destination.key_of(ticket.row)
    words = {"inserts": "insert into", "updates": "update of", "deletes": "delete from"}[ticket.what]
    return f"{words} {table}{f', row {key}' if key else ''}: {said}", table
