-- Collations of the server or the user that columns of chosen relations, their indexes, and domains use.
with used as (
    select a.attcollation as oid, min(n.nspname || '.' || c.relname || '.' || a.attname) as place
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_class c on c.oid = a.attrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where not a.attisdropped and a.attnum > 0
       and (c.oid = any (%(relations)s::oid[])
            or exists (select from pg_catalog.pg_index i
                        where i.indexrelid = c.oid and i.indrelid = any (%(relations)s::oid[])))
     group by 1
    union all
    select t.typcollation, min(n.nspname || '.' || t.typname)
      from pg_catalog.pg_type t
      join pg_catalog.pg_namespace n on n.oid = t.typnamespace
     where t.typtype = 'd' and n.nspname not in ('pg_catalog', 'information_schema')
     group by 1
)
select l.collname as name, l.collprovider::text as provider, min(u.place) as place
  from used u
  join pg_catalog.pg_collation l on l.oid = u.oid
  join pg_catalog.pg_namespace n on n.oid = l.collnamespace
 where n.nspname = 'pg_catalog' and l.collname not in ('default', 'C', 'POSIX')
 group by 1, 2
 order by 1
