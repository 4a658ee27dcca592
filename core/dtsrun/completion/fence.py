"""The fence: keeps others from writing to the source's databases until the cutover is over, or called off.

Three things make it: the databases are closed for new writers, what was open before is ended, and what can still
write all the same is named. Each change is journaled with the statement that takes it back before it is made, so that
calling off, the time-out and `dtsrun cleanup` after a crash put everything back alike.

No fence is perfect: a session may ask for a writing transaction itself, and a superuser passes wherever he likes. The
proof (`dtsrun.completion.proof`) does not rely on the fence: it reads what was committed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib import resources
from typing import Any, Final, Protocol

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Side
from dtsrun.completion.sessions import Exempt, Session, prepared_transactions, sessions
from dtsrun.errors import MigrationError
from dtsrun.inventory import matches

WHAT: Final = "fence"
"""The journal's word for it."""

LOOK_SECONDS: Final = 0.1

_ENDING: Final = resources.files(__package__).joinpath("end_bound.sql")
"""Ends the sessions that connected under a read-only fence, as far as the account may: they keep what they read then
for as long as they last, and a pool would hold them for good."""


class FenceMode(StrEnum):
    """How the databases are closed."""

    NONE = "none"
    """Not by dtsrun: the user has stopped the writers."""
    READ_ONLY = "read_only"
    """New transactions are read-only by default; readers go on working."""
    CONNECTIONS = "connections"
    """Nobody may connect any more, but us, exempt roles, and superusers, whom nothing holds."""


class Created(Protocol):
    """Remembers what is about to be changed (see `dtsrun.api.EngineContext.created`)."""

    def __call__(
        self, side: Side, what: str, name: str, database: str | None = None, undo: str | None = None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Residual:
    """What may still write in spite of the fence."""

    database: str
    who: str
    why: str
    sql: str | None = None
    """Statement that ends it, for somebody who may run it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fenced:
    """What came of it. Plain data."""

    mode: FenceMode
    at: datetime | None = None
    """Of the source's clock: what began later is inside the fence. None without a fence."""
    ended: tuple[Session, ...] = ()
    """Sessions that were ended."""
    residual: tuple[Residual, ...] = ()
    to_run: tuple[str, ...] = ()
    """Statements that the account may not run: somebody who may has to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fence:
    """What is asked for."""

    mode: FenceMode = FenceMode.NONE
    exempt: Exempt = field(default_factory=Exempt)
    wait: float = 10.0
    """Seconds that ended sessions have to go away."""

    def raise_around(self, source: Connection, databases: Sequence[str], created: Created) -> Fenced:
        """Close databases, end the sessions on them that are neither ours nor exempt, and name what can still write.

        What takes the fence back ends the sessions that connected under it: they are read-only as long as they last.

        Safe to repeat: what is closed already stays, and keeps the statement that takes it back.

        Args:
            source: an autocommit session on the source, in any database.
            created: called before each change, with the statement that takes it back.

        Raises:
            MigrationError: an exempt role does not exist.
            psycopg.Error: the server's refusal.
        """
        if self.mode is FenceMode.NONE:
            return Fenced(mode=self.mode, residual=tuple(self._residual(source, databases, None)))
        to_run = [text for name in databases for text in self._close(source, name, created)]
        at = _now(source)
        ended, refused = self._end_sessions(source, databases, at)
        to_run += [_terminating(session.pid) for session in refused]
        return Fenced(
            mode=self.mode,
            at=at,
            ended=tuple(ended),
            residual=(*self._residual(source, databases, at), *_passing(source, databases, self)),
            to_run=tuple(to_run),
        )

    # --- closing -----------------------------------------------------------------------------------------------

    def _close(self, source: Connection, database: str, created: Created) -> list[str]:
        """Close a database; return the statements that somebody else has to run for it."""
        is_read_only = self.mode is FenceMode.READ_ONLY
        closing = _read_only(source, database) if is_read_only else _no_connect(source, database, self)
        statements = [statement.as_string(source) for statement in closing.statements]
        if not statements or not (closing.is_ours and _may_alter(source, database)):
            return statements
        undo = "; ".join(statement.as_string(source) for statement in closing.undo)
        created("source", WHAT, f"{self.mode.value} of {database}", None, undo)
        with source.transaction():
            # The fence has to outlive a crash of the server.
            source.execute("set local synchronous_commit = on")
            for statement in closing.statements:
                source.execute(statement)
        return []

    def _end_sessions(
        self, source: Connection, databases: Sequence[str], at: datetime
    ) -> tuple[list[Session], list[Session]]:
        """End what was open before the fence; return what was ended, and what may not be."""
        asked: dict[tuple[int, datetime | None], Session] = {}
        refused: dict[tuple[int, datetime | None], Session] = {}
        deadline = time.monotonic() + self.wait
        while True:
            found = {(s.pid, s.began_at): s for s in self._older(source, databases, at)}
            for key, session in found.items():
                if key not in asked and key not in refused:
                    (asked if _terminate(source, session.pid) else refused)[key] = session
            if not (found.keys() - refused.keys()) or time.monotonic() > deadline:
                return [s for key, s in asked.items() if key not in found], [*refused.values()]
            time.sleep(LOOK_SECONDS)

    def _older(self, source: Connection, databases: Sequence[str], at: datetime) -> list[Session]:
        """Return client sessions that the fence does not bind, since they began before it.

        A session reads the database's settings and grants when it begins, after the moment that `began_at` tells: what
        began later than the fence was committed has read the fence.
        """
        return [
            session
            for session in sessions(source, databases)
            if session.kind in ("client backend", "walsender")
            and not session.is_ours
            and not self.exempt.covers(session)
            and (session.began_at is None or session.began_at <= at)
        ]

    # --- what is left ------------------------------------------------------------------------------------------

    def _residual(self, source: Connection, databases: Sequence[str], at: datetime | None) -> Iterator[Residual]:
        for session in sessions(source, databases):
            why = self._why(session, at)
            if why:
                command = _terminating(session.pid) if session.kind == "client backend" else None
                yield Residual(database=session.database, who=session.told, why=why, sql=command)
        for transaction in prepared_transactions(source, databases):
            yield Residual(
                database=transaction.database,
                who=f"prepared transaction {transaction.name!r} of {transaction.role}",
                why="can be committed at any time",
                sql=sql.SQL("rollback prepared {}").format(sql.Literal(transaction.name)).as_string(source),
            )

    def _why(self, session: Session, at: datetime | None) -> str | None:
        """Return why a session may still write, None where it may not."""
        if session.is_ours:
            return None
        if session.kind not in ("client backend", "walsender"):
            return "a background process of the server, which ending alone does not stop"
        if at is None:
            return "is connected, and there is no fence"
        if self.exempt.covers(session):
            return "is exempt from the fence"
        return "began before the fence" if session.began_at is None or session.began_at <= at else None


@dataclass(frozen=True, slots=True)
class _Closing:
    """What closes a database, and what opens it again as it was; nothing where it is closed already."""

    statements: Sequence[sql.Composed] = ()
    undo: Sequence[sql.Composed] = ()
    is_ours: bool = True
    """Whether the account could open it again."""


def _read_only(source: Connection, database: str) -> _Closing:
    name = "default_transaction_read_only"
    row = source.execute(
        "select pg_catalog.split_part(c.setting, '=', 2) as value"
        "  from pg_catalog.pg_db_role_setting s"
        "  join pg_catalog.pg_database d on d.oid = s.setdatabase, pg_catalog.unnest(s.setconfig) as c(setting)"
        " where s.setrole = 0 and d.datname = %s and pg_catalog.split_part(c.setting, '=', 1) = %s",
        [database, name],
    ).fetchone()
    if row is not None and row.value in ("on", "true", "yes", "1"):
        return _Closing()
    alter = sql.SQL("alter database {} ").format(sql.Identifier(database))
    before = sql.SQL("set {} = {}").format(sql.SQL(name), sql.Literal(row.value)) if row else sql.SQL(f"reset {name}")
    # Committed before sessions are ended: what connects anew has to find it.
    opening = sql.SQL("begin; {}; commit").format(alter + before)
    ending = sql.SQL(" ".join(_ENDING.read_text("utf-8").split())).format(
        since=sql.Literal(_now(source)), database=sql.Literal(database)
    )
    return _Closing([alter + sql.SQL("set {} = on").format(sql.SQL(name))], [opening, ending])


def _no_connect(source: Connection, database: str, fence: Fence) -> _Closing:
    """Take CONNECT from everybody but us and exempt roles.

    A limit on connections would not do: it makes no exceptions but superusers, so it would hold us and exempt roles.
    """
    grants = _connect_grants(source, database)
    kept = [_account(source), *_exempt_roles(source, fence.exempt)]
    taken = [grant for grant in grants if grant.grantee not in kept]
    if not taken:
        return _Closing()
    held = {grant.grantee for grant in grants}
    given = [role for role in dict.fromkeys(kept) if role not in held]
    on = sql.SQL("connect on database {}").format(sql.Identifier(database))
    granting = [sql.SQL("grant {} to {}").format(on, sql.Identifier(role)) for role in given]
    # CASCADE: what a grantee with grant option gave to others goes too, and comes back with the undo.
    revoking = [
        sql.SQL("revoke {} from {} cascade").format(on, _grantee(name))
        for name in dict.fromkeys(grant.grantee for grant in taken)
    ]
    taking_back = [sql.SQL("revoke {} from {}").format(on, sql.Identifier(role)) for role in given]
    undo = [*(statement for grant in taken for statement in _regranting(on, grant)), *taking_back]
    return _Closing([*granting, *revoking], undo, all(grant.is_ours_to_give for grant in taken))


def _connect_grants(source: Connection, database: str) -> list[Any]:
    """Return who may connect: grantee (None: everybody), grantor, whether with grant option; the owner's grants first,
    then those of whom he gave the option."""
    return source.execute(
        "select case when a.grantee = 0 then null else pg_catalog.pg_get_userbyid(a.grantee)::text end as grantee,"
        "       pg_catalog.pg_get_userbyid(a.grantor)::text as grantor, a.is_grantable,"
        "       a.grantor = d.datdba as is_owners, pg_catalog.pg_has_role(a.grantor, 'usage') as is_ours_to_give"
        "  from pg_catalog.pg_database d,"
        "       pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a"
        " where d.datname = %s and a.privilege_type = 'CONNECT'"
        " order by a.grantor <> d.datdba, not a.is_grantable, a.grantee",
        [database],
    ).fetchall()


def _regranting(on: sql.Composed, grant: Any) -> Iterator[sql.Composed]:
    option = sql.SQL(" with grant option" if grant.is_grantable else "")
    statement = sql.SQL("grant {} to {}{}").format(on, _grantee(grant.grantee), option)
    if grant.is_owners:
        yield statement
        return
    yield sql.SQL("set role {}").format(sql.Identifier(grant.grantor))
    yield statement
    yield sql.SQL("reset role").format()


def _grantee(name: str | None) -> sql.Composable:
    return sql.Identifier(name) if name else sql.SQL("public")


def _exempt_roles(source: Connection, exempt: Exempt) -> list[str]:
    """Return the exempt roles by name. Raises MigrationError where a plain name is no role's."""
    rows = source.execute("select rolname::text as name from pg_catalog.pg_roles order by 1").fetchall()
    names = [row.name for row in rows]
    for pattern in exempt.roles:
        if not any(matches(pattern, name) for name in names):
            raise MigrationError(
                f"source: no role is called {pattern!r}, which is to be exempt from the fence",
                hint="correct the list of exempt roles",
            )
    return [name for name in names if any(matches(pattern, name) for pattern in exempt.roles)]


def _may_alter(source: Connection, database: str) -> bool:
    row = source.execute(
        "select pg_catalog.pg_has_role(d.datdba, 'usage') as it_may"
        "  from pg_catalog.pg_database d where d.datname = %s",
        [database],
    ).fetchone()
    return bool(row and row.it_may)


def _passing(source: Connection, databases: Sequence[str], fence: Fence) -> Iterator[Residual]:
    """Yield who passes the fence by nature."""
    if fence.mode is FenceMode.CONNECTIONS:
        rows = source.execute(
            "select rolname::text as name from pg_catalog.pg_roles"
            " where rolsuper and rolcanlogin and rolname <> current_user order by 1"
        ).fetchall()
        names = ", ".join(row.name for row in rows)
        if names:
            why = "no fence keeps a superuser from connecting"
            yield from (Residual(database=name, who=f"superusers {names}", why=why) for name in databases)
        return
    rows = source.execute(
        "select d.name as database, r.rolname::text as role"
        "  from pg_catalog.pg_db_role_setting s"
        "  join pg_catalog.pg_roles r on r.oid = s.setrole"
        "  left join pg_catalog.pg_database b on b.oid = s.setdatabase"
        "  join pg_catalog.unnest(%s::text[]) as d(name) on s.setdatabase = 0 or d.name = b.datname"
        " where exists (select from pg_catalog.unnest(s.setconfig) as c(setting)"
        "                where c.setting ~* '^default_transaction_read_only=(off|false|no|0)$') order by 1, 2",
        [list(databases)],
    ).fetchall()
    for row in rows:
        why = "has default_transaction_read_only = off of its own, which weighs more than the database's"
        yield Residual(database=row.database, who=f"role {row.role}", why=why)


def _terminate(source: Connection, pid: int) -> bool:
    """End a session; False where the account may not."""
    try:
        source.execute("select pg_catalog.pg_terminate_backend(%s)", [pid])
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _terminating(pid: int) -> str:
    return f"select pg_terminate_backend({pid})"


def _account(source: Connection) -> str:
    return str(_one(source, "select current_user::text as account").account)


def _now(source: Connection) -> datetime:
    now: datetime = _one(source, "select pg_catalog.clock_timestamp() as now").now
    return now


def _one(source: Connection, query: str) -> Any:
    row = source.execute(query.encode()).fetchone()
    assert row is not None  # a query without a table has one row
    return row
