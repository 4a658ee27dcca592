-- Partitions whose DETACH ... CONCURRENTLY was never finished (the column came with version 14).
select n.nspname::text as schema, c.relname::text as name, i.inhparent::regclass::text as parent,
       i.inhrelid::regclass::text as quoted
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where i.inhrelid = any (%(relations)s::oid[]) and pg_catalog.to_jsonb(i) ->> 'inhdetachpending' = 'true'
 order by 1, 2
