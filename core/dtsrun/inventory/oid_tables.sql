-- Tables made WITH OIDS, which servers from 12 on do not have.
select n.nspname as schema, c.relname as name
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relhasoids
   and c.relkind in ('r', 'p')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', '_dtsrun')
 order by 1, 2
