-- By what the old version of a row is told in the WAL, for every chosen table that holds rows and is logged.
-- Everything is looked up table by table through the indexes of the catalogs: parts of a query have no indexes, and
-- joined with each other they take the square of the number of tables.
with recursive tables as (
    select c.oid, n.nspname, c.relname, c.relreplident, c.relispartition, c.reltuples
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid in (select pg_catalog.unnest(%(relations)s::oid[])) and c.relkind = 'r' and c.relpersistence = 'p'
),
-- Types whose values can be compared: by a default operator class of their own, or of one that they are the same as.
comparable as (
    select o.opcintype as type
      from pg_catalog.pg_opclass o
      join pg_catalog.pg_am m on m.oid = o.opcmethod and m.amname in ('btree', 'hash')
     where o.opcdefault
    union
    select k.castsource
      from pg_catalog.pg_cast k
      join pg_catalog.pg_opclass o on o.opcintype = k.casttarget and o.opcdefault
      join pg_catalog.pg_am m on m.oid = o.opcmethod and m.amname in ('btree', 'hash')
     where k.castmethod = 'b' and k.castcontext = 'i'
),
-- Types, looked through domains and arrays.
seen as (
    select y.oid as type, y.oid as holds from pg_catalog.pg_type y
    union all
    select s.type, case y.typtype when 'd' then y.typbasetype else y.typelem end
      from seen s
      join pg_catalog.pg_type y on y.oid = s.holds
     where y.typtype = 'd' or (y.typcategory = 'A' and y.typelem <> 0)
),
unequal as (
    select distinct s.type
      from seen s
      join pg_catalog.pg_type y on y.oid = s.holds
     where y.typtype = 'b' and y.typcategory <> 'A' and y.oid not in (select c.type from comparable c)
)
select t.oid, t.nspname::text as schema, t.relname::text as name,
       pg_catalog.format('%%I.%%I', t.nspname, t.relname) as quoted,
       t.relreplident::text as identity,
       t.reltuples::bigint as rows,
       pg_catalog.pg_stat_get_tuples_updated(t.oid) + pg_catalog.pg_stat_get_tuples_deleted(t.oid) as changes,
       k.has_key, k.has_index, k.identity_index,
       (select pg_catalog.quote_ident(o.conname) from pg_catalog.pg_constraint o
         where o.conrelid = t.oid and o.contype = 'p' and o.condeferrable) as deferrable_key,
       k.candidate,
       case when t.relispartition then (
           -- The partitioned tables above a partition.
           with recursive above as (
               select i.inhparent as ancestor, 1 as distance from pg_catalog.pg_inherits i where i.inhrelid = t.oid
               union all
               select i.inhparent, a.distance + 1
                 from above a join pg_catalog.pg_inherits i on i.inhrelid = a.ancestor)
           select r.relname::text from above a join pg_catalog.pg_class r on r.oid = a.ancestor
            where r.relreplident not in ('d', t.relreplident)
            order by a.distance limit 1) end as differing_parent,
       (select pg_catalog.string_agg(distinct f.conname || ' to ' || f.confrelid::regclass::text, ', ')
          from pg_catalog.pg_constraint f
         where f.conrelid = t.oid and f.contype = 'f'
           and (f.confdeltype in ('c', 'n', 'd') or f.confupdtype in ('c', 'n', 'd'))) as acting_keys,
       (select pg_catalog.string_agg(a.attname, ', ' order by a.attnum)
          from pg_catalog.pg_attribute a
         where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
           and a.atttypid in (select u.type from unequal u)) as unequal_columns,
       (select pg_catalog.string_agg(a.attname, ', ' order by a.attnum)
          from pg_catalog.pg_attribute a
         where a.attrelid = t.oid and a.attnum > 0
           and coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> ''
           and (t.relreplident = 'f'
                or exists (select from pg_catalog.pg_index i
                            where i.indrelid = t.oid and a.attnum = any (i.indkey)
                              and case t.relreplident when 'd' then i.indisprimary
                                                      when 'i' then i.indisreplident end))) as generated_columns
  from tables t
 cross join lateral (
    select coalesce(pg_catalog.bool_or(f.indisprimary and f.is_fit), false) as has_key,
           coalesce(pg_catalog.bool_or(f.indisreplident and f.is_fit), false) as has_index,
           pg_catalog.min(f.name) filter (where f.indisreplident) as identity_index,
           (pg_catalog.array_agg(f.name order by f.columns, f.relname)
               filter (where f.is_fit and not f.indisprimary))[1] as candidate
      from (select i.indisprimary, i.indisreplident, x.relname, pg_catalog.quote_ident(x.relname) as name,
                   pg_catalog.cardinality(i.indkey::int2[]) as columns,
                   -- What REPLICA IDENTITY USING INDEX takes.
                   i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
                   and not exists (
                       select from pg_catalog.pg_attribute a
                        where a.attrelid = i.indrelid and a.attnum = any (i.indkey) and not a.attnotnull) as is_fit
              from pg_catalog.pg_index i
              join pg_catalog.pg_class x on x.oid = i.indexrelid
             where i.indrelid = t.oid) f) k
 order by 2, 3
