-- What a body may name: relations and routines outside the system schemas, with the extension that they belong to, and
-- the names of the system's own routines (arguments null), which shadow the user's.
select 'pg_catalog.pg_class'::regclass::oid::bigint as catalog, c.oid::bigint as oid,
       n.nspname as schema, c.relname as name,
       0 as least, 0 as most,
       d.refobjid::bigint as extension
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e'
 where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', '_dtsrun')
union all
select 'pg_catalog.pg_proc'::regclass::oid::bigint, p.oid::bigint,
       n.nspname, p.proname,
       p.pronargs - p.pronargdefaults, case when p.provariadic <> 0 then 1000000 else p.pronargs end,
       d.refobjid::bigint
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
 where n.nspname not in ('pg_catalog', 'information_schema', '_dtsrun')
