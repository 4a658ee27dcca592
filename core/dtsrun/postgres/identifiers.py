"""Names as they stand in SQL that is told to people: in quotes where they need them, and plain where they do not."""

from __future__ import annotations

import re
from typing import Final

from psycopg import sql

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_$]*")

_KEYWORDS: Final = (
    " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean "
    "both case cast char character check coalesce collate collation column concurrently constraint create "
    "cross current_catalog current_date current_role current_schema current_time current_timestamp "
    "current_user dec decimal default deferrable desc distinct do else end except exists extract false "
    "fetch float for foreign freeze from full grant greatest group grouping having ilike in initially "
    "inner inout int integer intersect interval into is isnull join json json_array json_arrayagg "
    "json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value "
    "lateral leading least left like limit localtime localtimestamp merge_action national natural nchar "
    "none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay "
    "placing position precision primary real references returning right row select session_user setof "
    "similar smallint some substring symmetric system_user table tablesample then time timestamp to "
    "trailing treat trim true union unique user using values varchar variadic verbose when where window "
    "with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot "
    "xmlserialize xmltable "
)
"""Of version 18, each between spaces: all but those that may name anything (pg_get_keywords, catcode U)."""


def quoted(*parts: str) -> str:
    """Return a name of one or more parts, `schema` and `name`, as quote_ident writes each."""
    return ".".join(
        part if _PLAIN.fullmatch(part) and f" {part} " not in _KEYWORDS else _in_quotes(part) for part in parts
    )


def _in_quotes(part: str) -> str:
    return sql.Identifier(part).as_string()
