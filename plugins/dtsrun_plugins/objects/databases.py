"""The object kind `databases`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import (
    Connection,
    Database,
    Deviation,
    Difference,
    Entry,
    Lane,
    MigrationType,
    ObjectKind,
    PlanContext,
    Step,
    StepContext,
    StepResult,
)
from dtsrun.attempts import Attempts
from dtsrun.errors import MigrationError
from dtsrun.inventory.facts import read_settings
from dtsrun.postgres.parameters import set_clause
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.structure import mapped_tablespaces

PROVIDERS: Final = {"c": "libc", "i": "icu", "b": "builtin"}
COMPARED: Final = (
    "owner",
    "encoding",
    "collate",
    "ctype",
    "provider",
    "locale",
    "rules",
    "connection_limit",
    "is_template",
    "comment",
)
PUBLIC_CLOSED_SINCE: Final = 15
"""Since then the schema public belongs to pg_database_owner, and not everyone may create in it."""

LOCALE_FACTS: Final = ("collate", "ctype", "provider", "locale", "rules")


OF_FENCES: Final = frozenset({"setting default_transaction_read_only", "CONNECT"})
"""What a fence on the source changes (`dtsrun.completion.fence`)."""


class Databases(ObjectKind):
    """Databases: encoding, locale, owner, grants, settings

    What it does
    ------------
    Creates the target's database from `template0` with the encoding and locale of the source, under the name that the
    spec gives it; one that exists is used as it is if its encoding can hold the rows. Owner, grants, comment,
    connection limit, template flag and the settings of ALTER DATABASE ... SET (for all roles or one) come at the end.
    Schema public and plpgsql, which every new database has, are dropped where the source has them no more.

    Why it matters
    --------------
    Encoding and locale cannot be changed later. Settings reach every new session, ours too: a database that is
    read-only by default, or has another search_path, would work against its own migration.

    Spec
    ----
    `migration.objects.databases: {shop: {target: shop_eu}}` gives another name.

    Needs
    -----
    CREATEDB on the target, membership in the owner. What a managed server refuses is listed in the report.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop: {target: shop_eu}

    Limits
    ------
    The locale must be known to the target's operating system. Security labels of databases are not carried, nor is
    the tablespace of a database that exists already. Where changes are followed, who may connect is not compared: a
    fence takes that away on the source. It is set when the database is finished, and watched from then on.
    """

    name = "object.databases"
    entry_types = ("DATABASE", "DATABASE PROPERTIES")
    after = ("object.roles", "object.tablespaces")

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return nothing: pg_dump's statements name the source's database; the steps below know the target's name."""
        return []

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return the steps that create each database, finish it, and compare it."""
        for database in context.inventory.databases.values():
            if stage == "structure":
                yield self._creating(database, context)
            elif stage == "indexes":
                yield self._finishing(database, context)
            elif stage == "verify":
                yield self._comparing(database)

    def do_create(self, context: StepContext) -> StepResult:
        """Create a database, or see that the one that is there will do."""
        args = context.step.args
        wanted = _facts(context.source(args["database"]), args["database"])
        there = _find(context.target(), args["target"])
        if there is not None:
            _close_public(context)
            return StepResult(deviations=tuple(_unlike(wanted, there, args["database"])))
        context.created("database", args["target"])
        _create(context, wanted)
        _empty(context.source(args["database"]), context.target(args["database"]))
        _close_public(context)
        return StepResult()

    def do_finish(self, context: StepContext) -> StepResult:
        """Set what belongs to the database as a whole; what the server refuses is a deviation."""
        args = context.step.args
        wanted = _facts(context.source(), context.step.database or "")
        attempts = Attempts(context.target(), context.step.database)
        _finish(attempts, wanted, args["target"])
        _grant(attempts, _grants(context.source(), wanted.name), wanted.owner, args["target"])
        _give_public(context, wanted.owner)
        for setting in args["settings"]:
            statement = _setting(setting, args["target"])
            attempts.run(f"setting {setting['name']} of {args['target']}", statement, tolerant=True)
        return attempts.result()

    def do_compare(self, context: StepContext) -> StepResult:
        """Compare what belongs to the database as a whole."""
        source, target = context.step.args["database"], context.step.args["target"]
        leave_out = _of_fences(context)
        ends = [
            _described(context.source(source), source, leave_out),
            _described(context.target(source), target, leave_out),
        ]
        aspects = dict.fromkeys(each for end in ends for each in end if each not in leave_out)
        return StepResult(
            differences=tuple(
                Difference(
                    database=source,
                    object=f"DATABASE {source}",
                    aspect=aspect,
                    source=ends[0].get(aspect, "missing"),
                    target=ends[1].get(aspect, "missing"),
                )
                for aspect in aspects
                if ends[0].get(aspect) != ends[1].get(aspect)
            )
        )

    def _creating(self, database: Database, context: PlanContext) -> Step:
        entry = next((e for e in database.entries.values() if e.type == "DATABASE"), None)
        tablespace = mapped_tablespaces(context).get((entry.tablespace if entry else None) or "")
        return Step(
            key=f"{database.name}/structure/database",
            stage="structure",
            plugin=self.name,
            action="create",
            args={"database": database.name, "target": database.target, "tablespace": tablespace},
            needs=("server/roles", "server/tablespaces"),
            provides=(f"{database.name}/database",),
            transactional=False,
            title=f"create database {database.target}",
        )

    def _finishing(self, database: Database, context: PlanContext) -> Step:
        name = database.name
        return Step(
            key=f"{name}/indexes/database",
            stage="indexes",
            plugin=self.name,
            action="finish",
            database=name,
            args={
                "target": database.target,
                "settings": [asdict(s) for s in context.inventory.settings if s.database == name],
            },
            needs=tuple(f"{name}/{what}" for what in ("database", "built", "granted", "refreshed", "settled")),
            depends_softly=True,
            title=f"owner, grants and settings of database {database.target}",
        )

    def _comparing(self, database: Database) -> Step:
        return Step(
            key=f"{database.name}/verify/database",
            stage="verify",
            plugin=self.name,
            action="compare",
            database=database.name,
            args={"database": database.name, "target": database.target},
            lane=Lane.VERIFY,
            marked=False,
            depends_softly=True,
            title=f"compare database {database.target} itself",
        )


_PUBLIC: Final = "select from pg_catalog.pg_namespace where nspname = 'public'"


def _query(name: str) -> bytes:
    return resources.files(__package__).joinpath(f"{name}.sql").read_bytes()


def _find(connection: Connection, name: str) -> Any:
    return connection.execute(_query("database"), [name]).fetchone()


def _facts(connection: Connection, name: str) -> Any:
    found = _find(connection, name)
    if found is None:
        raise MigrationError(f"database {name} is not there any more")
    return found


def _grants(connection: Connection, name: str) -> list[Any]:
    return connection.execute(_query("database_grants"), [name]).fetchall()


def _unlike(wanted: Any, there: Any, database: str) -> Iterator[Deviation]:
    if there.encoding not in (wanted.encoding, "UTF8"):
        raise MigrationError(
            f"database {there.name} on the target has encoding {there.encoding}, the source has {wanted.encoding}",
            hint="drop it so that it is created anew, or choose another target name",
        )
    for aspect in ("encoding", *LOCALE_FACTS):
        ours, theirs = getattr(wanted, aspect), getattr(there, aspect)
        if ours != theirs:
            message = f"exists on the target with {aspect} {theirs}, the source has {ours}"
            yield Deviation(database=database, object=f"DATABASE {there.name}", message=message)


def _create(context: StepContext, wanted: Any) -> None:
    args = context.step.args
    try:
        context.target().execute(_create_statement(context, wanted))
    except psycopg.Error as error:
        if reaction(error) is Reaction.RETRY:
            raise
        raise MigrationError(
            f"database {args['target']} cannot be created on the target: {describe(error)}",
            hint="give the target this locale or right, or create the database by hand: it is used as it is",
        ) from error


def _empty(source: Connection, target: Connection) -> None:
    """Drop what every new database has where it was dropped on the source: no dump says so."""
    language = "select from pg_extension where extname = 'plpgsql'"
    for query, statement in ((language, "drop extension if exists plpgsql"), (_PUBLIC, "drop schema if exists public")):
        if source.execute(query).fetchone() is None:
            target.execute(statement.encode())


def _opens_public(context: StepContext) -> bool:
    """Tell whether a schema public of the target is open to everyone that is not on the source."""
    return context.facts("target").major < PUBLIC_CLOSED_SINCE <= context.facts("source").major


def _close_public(context: StepContext) -> None:
    """Give the schema public the rights that it has where no dump speaks of it."""
    target = context.target(context.step.args["database"])
    if _opens_public(context) and target.execute(_PUBLIC).fetchone() is not None:
        target.execute("revoke create on schema public from public")


def _give_public(context: StepContext, owner: str) -> None:
    """Give the schema public to whoever owns the database, where an older target has no word for that."""
    if not _opens_public(context):
        return
    database = context.step.database or ""
    source, target = context.source(database), context.target(database)
    row = source.execute(
        "select pg_catalog.pg_get_userbyid(nspowner)::text as owner from pg_catalog.pg_namespace"
        " where nspname = 'public'"
    ).fetchone()
    if row is not None and row.owner == "pg_database_owner" and target.execute(_PUBLIC).fetchone() is not None:
        statement = sql.SQL("alter schema public owner to {}").format(sql.Identifier(owner))
        Attempts(target, database).run("SCHEMA public", statement, tolerant=True)


def _create_statement(context: StepContext, wanted: Any) -> sql.Composed:
    clauses = [sql.SQL("encoding {}").format(wanted.encoding), *_locale_clauses(wanted, context.facts("target").major)]
    if tablespace := context.step.args["tablespace"]:
        clauses.append(sql.SQL("tablespace {}").format(sql.Identifier(tablespace)))
    return sql.SQL("create database {} with template template0 {}").format(
        sql.Identifier(context.step.args["target"]), sql.SQL(" ").join(clauses)
    )


def _locale_clauses(wanted: Any, major: int) -> Iterator[sql.Composed]:
    if major >= 15:
        yield sql.SQL("locale_provider {}").format(sql.Identifier(PROVIDERS[wanted.provider]))
    yield sql.SQL("lc_collate {} lc_ctype {}").format(wanted.collate, wanted.ctype)
    if wanted.provider in "ib":
        word = "icu_locale" if wanted.provider == "i" else "builtin_locale"
        yield sql.SQL("{} {}").format(sql.SQL(word), wanted.locale)
    if wanted.rules:
        yield sql.SQL("icu_rules {}").format(wanted.rules)


def _finish(attempts: Attempts, wanted: Any, target: str) -> None:
    name, label = sql.Identifier(target), f"DATABASE {target}"
    there = _facts(attempts.connection, target)
    changes = {
        "owner": sql.SQL("alter database {} owner to {}").format(name, sql.Identifier(wanted.owner)),
        "comment": sql.SQL("comment on database {} is {}").format(name, wanted.comment),
        "connection_limit": sql.SQL("alter database {} connection limit {}").format(name, wanted.connection_limit),
        "is_template": sql.SQL("alter database {} is_template {}").format(name, wanted.is_template),
    }
    for aspect, statement in changes.items():
        if getattr(wanted, aspect) != getattr(there, aspect):
            attempts.run(label, statement, tolerant=True)


def _grant(attempts: Attempts, wanted: list[Any], owner: str, target: str) -> None:
    there = _grants(attempts.connection, target)
    if wanted == there:
        return
    name = sql.Identifier(target)
    holders = dict.fromkeys(row.grantee for row in there)
    revokes = [sql.SQL("revoke all on database {} from {} cascade").format(name, _grantee(g)) for g in holders]
    statements = [part for row in wanted for part in _grant_statements(row, owner, name)]
    attempts.run(f"grants on DATABASE {target}", *revokes, *statements, tolerant=True)


def _grant_statements(row: Any, owner: str, name: sql.Identifier) -> list[sql.SQL | sql.Composed]:
    option = sql.SQL(" with grant option" if row.grantable and row.grantee != owner else "")
    grant = sql.SQL("grant {} on database {} to {}{}").format(
        sql.SQL(row.privilege), name, _grantee(row.grantee), option
    )
    if row.grantor == owner:
        return [grant]
    return [sql.SQL("set local role {}").format(sql.Identifier(row.grantor)), grant, sql.SQL("reset role")]


def _grantee(name: str) -> sql.Identifier | sql.SQL:
    return sql.Identifier(name) if name else sql.SQL("public")


def _of_fences(context: StepContext) -> frozenset[str]:
    """Return aspects and privileges of which the source may lack or have some because a fence of ours is up."""
    return OF_FENCES if context.spec.migration_type is MigrationType.FULL_INCREMENTAL else frozenset()


def _setting(setting: dict[str, Any], target: str) -> sql.Composed:
    clause = set_clause(setting["name"], setting["value"])
    if setting["role"] is None:
        return sql.SQL("alter database {} {}").format(sql.Identifier(target), clause)
    role = sql.Identifier(setting["role"])
    return sql.SQL("alter role {} in database {} {}").format(role, sql.Identifier(target), clause)


def _described(connection: Connection, name: str, leave_out: Collection[str]) -> dict[str, str]:
    """Return what is compared, by aspect, without some privileges."""
    facts = _facts(connection, name)
    described = {aspect.replace("_", " "): str(getattr(facts, aspect)) for aspect in COMPARED}
    described["grants"] = "; ".join(
        f"{row.privilege} to {row.grantee or 'public'} by {row.grantor}{' with grant option' if row.grantable else ''}"
        for row in _grants(connection, name)
        if row.privilege not in leave_out
    )
    for setting in read_settings(connection):
        if setting.database == name:
            described[f"setting {setting.name} {f'for role {setting.role}' if setting.role else ''}".strip()] = (
                setting.value
            )
    return described
