-- Columns of tables as they are written, with what an ALTER TABLE needs. is_constant_default: rows that were there
-- before the column show its default without having been rewritten (from 11 on), so that any server gives the same.
select a.attrelid::bigint as relation,
       a.attnum as number,
       a.attname as name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull as is_not_null,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default_text,
       coalesce(nullif(pg_catalog.to_jsonb(a) ->> 'attgenerated', ''), nullif(a.attidentity::text, ''), '') as special,
       coalesce(pg_catalog.to_jsonb(a) ->> 'atthasmissing' = 'true', false) as is_constant_default
  from pg_catalog.pg_attribute a
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attrelid = any (%(relations)s::bigint[]::oid[]) and a.attnum > 0 and not a.attisdropped
 order by a.attrelid, a.attnum
