-- Chosen tables that were made WITH OIDS (up to version 11).
select n.nspname::text as schema, c.relname::text as name, pg_catalog.format('%%I.%%I', n.nspname, c.relname) as quoted
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.oid = any (%(relations)s::oid[]) and pg_catalog.to_jsonb(c) ->> 'relhasoids' = 'true'
 order by 1, 2
