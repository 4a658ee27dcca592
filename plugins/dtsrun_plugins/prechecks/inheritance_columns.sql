-- Columns of inheritance children: in the order they have, and in the one that CREATE TABLE ... INHERITS would give.
with inherited as (
    select i.inhrelid as child, p.attname, min(array[i.inhseqno, p.attnum]) as place
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relkind = 'r' and not c.relispartition
      join pg_catalog.pg_attribute p on p.attrelid = i.inhparent and p.attnum > 0 and not p.attisdropped
     where i.inhrelid = any (%(relations)s::oid[])
     group by i.inhrelid, p.attname
),
ordered as (
    select a.attrelid,
           pg_catalog.string_agg(a.attname, ', ' order by a.attnum) as now,
           pg_catalog.string_agg(a.attname, ', ' order by h.place nulls last, a.attnum) as later
      from pg_catalog.pg_attribute a
      left join inherited h on h.child = a.attrelid and h.attname = a.attname
     where a.attnum > 0 and not a.attisdropped and a.attrelid in (select child from inherited)
     group by a.attrelid
)
select n.nspname::text as schema, c.relname::text as name, o.now, o.later
  from ordered o
  join pg_catalog.pg_class c on c.oid = o.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where o.now <> o.later
 order by 1, 2
