-- Columns of unique indexes whose collation takes unlike texts for equal (since version 12).
select distinct n.nspname::text as schema, c.relname::text as name, x.relname::text as index, a.attname::text as "column",
       pg_catalog.quote_ident(o.collname) as collation
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indrelid
  join pg_catalog.pg_class x on x.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
  join pg_catalog.pg_collation o on o.oid = any (i.indcollation) and o.oid = a.attcollation
 where i.indrelid = any (%(relations)s::oid[]) and (i.indisprimary or i.indisreplident)
   and pg_catalog.to_jsonb(o) ->> 'collisdeterministic' = 'false'
 order by 1, 2, 3, 4
