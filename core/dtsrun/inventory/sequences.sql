-- Sequences whose value is the user's: those that no extension made, and those that an extension marks as configuration.
select c.oid::bigint as oid, n.nspname as schema, c.relname as name
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S'
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', '_dtsrun')
   and (not exists (
           select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
        or exists (select from pg_catalog.pg_extension e where c.oid = any(e.extconfig)))
 order by c.oid
