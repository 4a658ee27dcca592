"""A source and a target with a real subscription between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.conninfo import make_conninfo

from dtsrun.api import Connection, Link, LinkTable, Route
from dtsrun.postgres.lsn import parse_lsn


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return seen


@dataclass
class Replicated:
    """Two databases; `follow` makes slot, publication and subscription by plain SQL."""

    source: Connection
    target: Connection
    source_route: Route
    target_route: Route
    names: tuple[str, str]
    links: list[Link] = field(default_factory=list)

    def on_both(self, *statements: str) -> None:
        """Run statements on either end."""
        for statement in statements:
            self.source.execute(statement)
            self.target.execute(statement)

    def follow(self, *tables: str, options: str = "") -> Link:
        """Follow tables of the schema public from now on; what they hold is on the target already."""
        link = self.slot(*tables)
        statement = sql.SQL(
            "create subscription {} connection {} publication {} with (create_slot = false, copy_data = false{})"
        )
        self.target.execute(
            statement.format(sql.Identifier(link.name), self._conninfo(), sql.Identifier(link.name), sql.SQL(options))
        )
        return link

    def slot(self, *tables: str) -> Link:
        """Make slot and publication, and nothing on the target."""
        name = f"dtsrun_{self.names[0]}"
        listed = sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
        self.source.execute(sql.SQL("create publication {} for table {}").format(sql.Identifier(name), listed))
        made = self.source.execute(
            "select lsn::text from pg_create_logical_replication_slot(%s, 'pgoutput')", [name]
        ).fetchone()
        link = Link(
            name=name,
            database=self.names[0],
            epoch=1,
            publications=(name,),
            start_lsn=parse_lsn(made.lsn),
            tables=tuple(LinkTable(oid=self.oid(table), schema="public", name=table) for table in tables),
        )
        self.links.append(link)
        return link

    def oid(self, table: str) -> int:
        """Return the OID of a table of the source."""
        return self.source.execute("select %s::regclass::oid::bigint as oid", [f"public.{table}"]).fetchone().oid

    def applied(self) -> int:
        """Return the position that the target has confirmed."""
        row = self.source.execute(
            "select confirmed_flush_lsn::text as lsn from pg_replication_slots where slot_name = %s",
            [self.links[0].name],
        ).fetchone()
        return parse_lsn(row.lsn)

    def worker(self) -> int | None:
        """Return the pid of the apply worker."""
        row = self.target.execute(
            "select pid from pg_stat_subscription where subname = %s and relid is null", [self.links[0].name]
        ).fetchone()
        return row and row.pid

    def remove(self) -> None:
        """Take away links."""
        for link in self.links:
            if self.target.execute("select from pg_subscription where subname = %s", [link.name]).rowcount:
                name = sql.Identifier(link.name)
                self.target.execute(sql.SQL("alter subscription {} disable").format(name))
                self.target.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(name))
                self.target.execute(sql.SQL("drop subscription {}").format(name))
            slot = "from pg_replication_slots where slot_name = %s"
            wait_until(lambda name=link.name: not self.is_active(name))
            self.source.execute(f"select pg_drop_replication_slot(slot_name) {slot}", [link.name])

    def is_active(self, name: str) -> bool:
        """Return whether somebody holds a slot of the source."""
        row = self.source.execute("select active from pg_replication_slots where slot_name = %s", [name]).fetchone()
        return bool(row and row.active)

    def _conninfo(self) -> str:
        peer = dict(self.source_route.peer or {})
        return make_conninfo("", **{**peer, "dbname": self.names[0]})


MakeReplicated = Callable[[Route, Route], Replicated]
