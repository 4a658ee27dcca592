with recursive emptied as (
  select c.oid
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join rows from (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) as w(schema, name)
      on n.nspname = w.schema and c.relname = w.name
),
-- Of a partitioned table the key of its own is to be dropped. Before version 11 none had one, nor the column.
known as (
  select k.oid, k.conrelid, k.confrelid, k.conname,
         coalesce((pg_catalog.to_jsonb(k) ->> 'conparentid')::oid, 0) as parent
    from pg_catalog.pg_constraint k
   where k.contype = 'f'
),
found as (
  select k.oid, k.parent
    from known k
   where k.confrelid in (select oid from emptied)
     and k.conrelid not in (select oid from emptied)
  union
  select k.oid, k.parent
    from found f
    join known k on k.oid = f.parent
)
select n.nspname::text as schema, c.relname::text as table, k.conname::text as name
  from found f
  join known k on k.oid = f.oid
  join pg_catalog.pg_class c on c.oid = k.conrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where f.parent = 0
 order by 1, 2, 3
