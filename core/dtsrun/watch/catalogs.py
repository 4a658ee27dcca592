"""Which catalogs are watched, and what of each row counts.

A row of a catalog as text is a complete description of what it describes, and an MD5 of it a mark that changes when it
does. Only where a catalog keeps what changes by itself (pages, statistics, file numbers) its columns are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psycopg import sql

FIRST_USER_OID: Final = 16384
"""What initdb makes has a lower one (access/transam.h, FirstNormalObjectId)."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog whose rows are marked. Fields are SQL about its row `t`."""

    name: str
    owner: str = ""
    """Catalog of the object that a row describes or is a part of; the catalog itself where it is empty."""
    oid: str = "t.oid"
    """OID of that object."""
    mark: str = "t::text"
    where: str = ""
    least: int = FIRST_USER_OID

    @property
    def marks(self) -> sql.Composed:
        """Rows (catalog, part, oid, mark): what is there, and how it is."""
        return self._select(sql.SQL("pg_catalog.md5(pg_catalog.string_agg({}, ';' order by {}))"))

    @property
    def pulse(self) -> sql.Composed:
        """One row: a sum that changes when any row of the catalog does; by xmin, which costs next to nothing."""
        statement = sql.SQL(
            "select {name} as part, pg_catalog.count(*) as rows,"
            " coalesce(pg_catalog.sum("
            "   pg_catalog.hashint8(t.xmin::text::bigint * 7919 + ({oid})::bigint)::bigint), 0)::text as total"
            " from pg_catalog.{catalog} t where {where}"
        )
        return statement.format(**self._names())

    def _select(self, mark: sql.SQL) -> sql.Composed:
        aggregated = mark.format(sql.SQL(self.mark), sql.SQL(self.mark))
        statement = sql.SQL(
            "select {owner} as catalog, {name} as part, ({oid})::bigint as oid, {mark} as mark"
            "  from pg_catalog.{catalog} t where {where} group by 1, 2, 3"
        )
        return statement.format(**self._names(), mark=aggregated)

    def _names(self) -> dict[str, sql.Composable]:
        owner = self.owner or f"'pg_catalog.{self.name}'::pg_catalog.regclass::pg_catalog.oid::bigint"
        return {
            "owner": sql.SQL(owner),
            "name": sql.Literal(self.name),
            "oid": sql.SQL(self.oid),
            "catalog": sql.Identifier(self.name),
            "where": sql.SQL(self._condition()),
        }

    def _condition(self) -> str:
        return " and ".join(filter(None, (f"({self.oid}) >= {self.least}", self.where)))


SCHEMA_PUBLIC: Final = 2200
"""The one object of initdb's that is everybody's: who may create in it is changed often."""


def _without(grants: str) -> str:
    """Return the mark of a row without its grants, which are compared one by one (`dtsrun.watch.grants`)."""
    return f"(pg_catalog.to_jsonb(t) - '{grants}')::text"


_CLASS: Final = "1259"
_TYPE: Final = "1247"

_RELATION_OF: Final = (
    "exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
    " where c.oid = {} and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')"
    " and n.nspname not in ('pg_toast', 'information_schema', '_dtsrun'))"
)

# What backs a constraint is seen by the constraint.
_BACKS_NOTHING: Final = (
    "t.indrelid >= 16384 and not exists (select from pg_catalog.pg_constraint c"
    " where c.conindid = t.indexrelid and c.contype in ('p', 'u', 'x'))"
)
# An index of a partition that hangs on its table's is made with that.
_HANGS_ON_NOTHING: Final = (
    "not exists (select from pg_catalog.pg_class x where x.oid = t.indexrelid and x.relispartition)"
)

WATCHED: Final[tuple[Catalog, ...]] = (
    Catalog(
        "pg_class",
        mark="row(t.relname, t.relnamespace, t.relkind, t.relpersistence, t.relowner, t.relrowsecurity,"
        " t.relforcerowsecurity, t.relispartition, t.reloptions, t.reltablespace,"
        " pg_catalog.pg_get_expr(t.relpartbound, t.oid), t.reloftype)::text",
        where=_RELATION_OF.format("t.oid"),
    ),
    Catalog(
        "pg_attribute",
        owner=_CLASS,
        oid="t.attrelid",
        mark="row(t.attnum, t.attname, t.atttypid, t.atttypmod, t.attnotnull, t.attcollation, t.attidentity,"
        " pg_catalog.to_jsonb(t) ->> 'attgenerated')::text",
        where=f"t.attnum > 0 and not t.attisdropped and {_RELATION_OF.format('t.attrelid')}",
    ),
    Catalog("pg_attrdef", owner=_CLASS, oid="t.adrelid", mark="row(t.adnum, t.adbin)::text"),
    Catalog("pg_inherits", owner=_CLASS, oid="t.inhrelid", where=_RELATION_OF.format("t.inhrelid")),
    Catalog("pg_sequence", owner=_CLASS, oid="t.seqrelid"),
    Catalog(
        "pg_index",
        owner=_CLASS,
        oid="t.indexrelid",
        mark="row(t.indrelid, t.indisunique, t.indisvalid, pg_catalog.pg_get_indexdef(t.indexrelid))::text",
        where=f"{_BACKS_NOTHING} and {_HANGS_ON_NOTHING} and {_RELATION_OF.format('t.indrelid')}",
    ),
    # Not-null constraints stand here from version 18 on, and are seen by their columns.
    # What is inherited comes with the parent's.
    Catalog(
        "pg_constraint",
        mark="row(t.conname, t.connamespace, t.conrelid, t.contypid, pg_catalog.pg_get_constraintdef(t.oid))::text",
        where="t.contype not in ('n', 't') and t.coninhcount = 0",
    ),
    Catalog(
        "pg_trigger",
        where="not t.tgisinternal and coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') = '0'",
    ),
    Catalog(
        "pg_rewrite",
        owner=f"case when t.rulename = '_RETURN' then {_CLASS} else 2618 end",
        oid="case when t.rulename = '_RETURN' then t.ev_class else t.oid end",
    ),
    Catalog("pg_policy"),
    Catalog("pg_statistic_ext", mark="row(t.stxname, t.stxnamespace, t.stxrelid, t.stxkeys, t.stxkind)::text"),
    Catalog("pg_proc", mark=_without("proacl")),
    Catalog("pg_aggregate", owner="1255", oid="t.aggfnoid::pg_catalog.oid"),
    Catalog(
        "pg_type",
        mark=_without("typacl"),
        # Row types of tables and arrays come with what they belong to.
        where="t.typrelid = 0 and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)"
        " and t.typtype <> 'm'",
    ),
    Catalog("pg_enum", owner=_TYPE, oid="t.enumtypid", mark="row(t.enumsortorder, t.enumlabel)::text"),
    Catalog(
        "pg_namespace",
        mark=_without("nspacl"),
        where="t.nspname !~ '^pg_' and t.nspname not in ('_dtsrun', 'information_schema')",
        least=SCHEMA_PUBLIC,
    ),
    Catalog("pg_extension"),
    Catalog("pg_language", mark=_without("lanacl")),
    Catalog("pg_cast"),
    Catalog("pg_operator"),
    Catalog("pg_opclass"),
    Catalog("pg_opfamily"),
    Catalog("pg_collation", mark="row(t.collname, t.collnamespace, t.collowner, t.collprovider, t.collcollate)::text"),
    Catalog("pg_conversion"),
    Catalog("pg_ts_config"),
    Catalog("pg_ts_dict"),
    Catalog("pg_event_trigger"),
    Catalog("pg_foreign_data_wrapper", mark=_without("fdwacl")),
    Catalog("pg_foreign_server", mark=_without("srvacl")),
    Catalog("pg_default_acl"),
    Catalog("pg_transform"),
    Catalog("pg_description", owner="t.classoid::bigint", oid="t.objoid", mark="row(t.objsubid, t.description)::text"),
)
"""What the application may change in a database while it is moved, but rows. User mappings and subscriptions are left
out: they hold passwords."""
