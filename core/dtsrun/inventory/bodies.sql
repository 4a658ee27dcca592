-- Routines whose body is kept as a string, so that pg_depend does not know what it names.
select p.oid::bigint as oid,
       n.nspname as schema,
       l.lanname as language,
       p.prosrc as body,
       (select pg_catalog.substr(c.item, 13)
          from pg_catalog.unnest(p.proconfig) as c(item)
         where c.item like 'search\_path=%%') as search_path
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  join pg_catalog.pg_language l on l.oid = p.prolang
 where l.lanname in ('sql', 'plpgsql')
   and n.nspname not in ('pg_catalog', 'information_schema', '_dtsrun')
   and p.prosrc <> ''
   and pg_catalog.octet_length(p.prosrc) <= %(longest)s
   and not exists (
       select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
 order by p.oid
