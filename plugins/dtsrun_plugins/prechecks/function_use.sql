-- Functions of the database that run while rows are written or indexes are built, and what they run for.
with uses as (
    select o.conrelid as relation, 'check constraint ' || o.conname as used_by, d.refobjid as function
      from pg_catalog.pg_constraint o
      join pg_catalog.pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = o.oid
     where o.contype = 'c' and d.refclassid = 'pg_proc'::regclass
    union
    select i.indrelid, 'index ' || x.relname, d.refobjid
      from pg_catalog.pg_index i
      join pg_catalog.pg_class x on x.oid = i.indexrelid
      join pg_catalog.pg_depend d on d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
     where d.refclassid = 'pg_proc'::regclass
    union
    select a.attrelid, 'generated column ' || a.attname, d.refobjid
      from pg_catalog.pg_attrdef e
      join pg_catalog.pg_attribute a on a.attrelid = e.adrelid and a.attnum = e.adnum
      join pg_catalog.pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = e.oid
     where d.refclassid = 'pg_proc'::regclass and coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> ''
    union
    select w.ev_class, 'materialized view ' || c.relname, d.refobjid
      from pg_catalog.pg_rewrite w
      join pg_catalog.pg_class c on c.oid = w.ev_class and c.relkind = 'm'
      join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
     where d.refclassid = 'pg_proc'::regclass
)
select n.nspname::text as schema, c.relname::text as name, u.used_by, p.oid as function,
       p.oid::regprocedure::text as signature, p.prosrc as body,
       exists (select from pg_catalog.unnest(p.proconfig) s(setting) where s.setting like 'search\_path=%%') as has_path,
       (select pg_catalog.string_agg(distinct pg_catalog.quote_ident(f.nspname), ', ')
          from pg_catalog.pg_namespace f where f.oid in (p.pronamespace, c.relnamespace)) as path
  from uses u
  join pg_catalog.pg_class c on c.oid = u.relation
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_proc p on p.oid = u.function
 where u.relation = any (%(relations)s::oid[])
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
 order by 1, 2, 3, 5
