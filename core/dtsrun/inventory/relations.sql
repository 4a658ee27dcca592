-- Every relation that may hold rows or a value, of the user's or of an extension's.
select c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       c.relkind::text as relkind,
       c.relpersistence::text as persistence,
       pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
       case when c.relkind in ('r', 'm') then coalesce(pg_catalog.pg_table_size(c.oid), 0) else 0 end as bytes,
       case when c.relkind in ('r', 'm')
            then coalesce(pg_catalog.pg_relation_size(c.oid), 0) / pg_catalog.current_setting('block_size')::bigint
            else 0 end as pages,
       greatest(c.reltuples, 0)::float8 as estimated_rows,
       c.relispartition as is_partition,
       c.relrowsecurity as row_security,
       c.relispopulated as populated,
       e.extname as extension,
       config.condition as extension_condition
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e'
  left join pg_catalog.pg_extension e
    on d.refclassid = 'pg_catalog.pg_extension'::regclass and e.oid = d.refobjid
  left join lateral (
       select f.condition
         from rows from (pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition)) as f(relation, condition)
        where f.relation = c.oid) config on true
 where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', '_dtsrun')
 order by c.oid
