-- Columns that may be null in an inheritance child, and not in a parent.
select distinct n.nspname::text as schema, c.relname::text as name, a.attname::text as "column",
       i.inhparent::regclass::text as parent, i.inhrelid::regclass::text as quoted,
       pg_catalog.quote_ident(a.attname) as quoted_column
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute p on p.attrelid = i.inhparent and p.attnotnull and not p.attisdropped
  join pg_catalog.pg_attribute a on a.attrelid = i.inhrelid and a.attname = p.attname and not a.attnotnull
 where i.inhrelid = any (%(relations)s::oid[])
   -- Since 18 the parent's constraint may say NO INHERIT.
   and not exists (
       select from pg_catalog.pg_constraint o
        where o.conrelid = i.inhparent and o.contype = 'n' and o.connoinherit and o.conkey = array[p.attnum])
 order by 1, 2, 3
