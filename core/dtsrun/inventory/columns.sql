-- The live columns of relations, in the tables' order. {generated}: what the version has for attgenerated (12+).
select a.attrelid::bigint as relation,
       a.attname as name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
       a.atttypid::bigint as type_oid,
       a.attnotnull as not_null,
       {generated} as generated,
       a.attidentity::text as identity
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where a.attnum > 0
   and not a.attisdropped
   and c.relkind in ('r', 'p', 'v', 'm', 'f')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', '_dtsrun')
 order by a.attrelid, a.attnum
