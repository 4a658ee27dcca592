-- By what the old version of a row is told in the WAL, for every chosen table that holds rows and is logged.
with recursive tables as (
    select c.oid, n.nspname, c.relname, c.relreplident, c.relispartition, c.reltuples
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid = any (%(relations)s::oid[]) and c.relkind = 'r' and c.relpersistence = 'p'
),
-- The partitioned tables above a partition.
above as (
    select t.oid, i.inhparent as ancestor, 1 as distance
      from tables t
      join pg_catalog.pg_inherits i on i.inhrelid = t.oid
     where t.relispartition
    union all
    select a.oid, i.inhparent, a.distance + 1
      from above a
      join pg_catalog.pg_inherits i on i.inhrelid = a.ancestor
),
keys as (
    select i.indrelid, i.indexrelid, i.indisprimary, i.indisreplident, i.indimmediate, i.indkey,
           -- What REPLICA IDENTITY USING INDEX takes.
           i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
           and not exists (
               select from pg_catalog.pg_attribute a
                where a.attrelid = i.indrelid and a.attnum = any (i.indkey) and not a.attnotnull) as is_fit
      from pg_catalog.pg_index i
      join tables t on t.oid = i.indrelid
),
-- Column types, looked through domains and arrays.
types as (
    select a.attrelid, a.attname, a.attnum, a.atttypid as type
      from pg_catalog.pg_attribute a
      join tables t on t.oid = a.attrelid
     where a.attnum > 0 and not a.attisdropped
    union all
    select s.attrelid, s.attname, s.attnum, case t.typtype when 'd' then t.typbasetype else t.typelem end
      from types s
      join pg_catalog.pg_type t on t.oid = s.type
     where t.typtype = 'd' or (t.typcategory = 'A' and t.typelem <> 0)
),
unequal as (
    select distinct s.attrelid, s.attname, s.attnum
      from types s
      join pg_catalog.pg_type t on t.oid = s.type
     where t.typtype = 'b' and t.typcategory <> 'A'
       and not exists (
           select from pg_catalog.pg_opclass o
             join pg_catalog.pg_am m on m.oid = o.opcmethod and m.amname in ('btree', 'hash')
            where o.opcdefault
              and (o.opcintype = t.oid
                   or o.opcintype in (select k.casttarget from pg_catalog.pg_cast k
                                       where k.castsource = t.oid and k.castmethod = 'b' and k.castcontext = 'i')))
)
select t.oid, t.nspname::text as schema, t.relname::text as name,
       pg_catalog.format('%%I.%%I', t.nspname, t.relname) as quoted,
       t.relreplident::text as identity,
       t.reltuples::bigint as rows,
       pg_catalog.pg_stat_get_tuples_updated(t.oid) + pg_catalog.pg_stat_get_tuples_deleted(t.oid) as changes,
       exists (select from keys k where k.indrelid = t.oid and k.indisprimary and k.is_fit) as has_key,
       exists (select from keys k where k.indrelid = t.oid and k.indisreplident and k.is_fit) as has_index,
       (select pg_catalog.quote_ident(x.relname)
          from keys k join pg_catalog.pg_class x on x.oid = k.indexrelid
         where k.indrelid = t.oid and k.indisreplident limit 1) as identity_index,
       (select pg_catalog.quote_ident(o.conname) from pg_catalog.pg_constraint o
         where o.conrelid = t.oid and o.contype = 'p' and o.condeferrable) as deferrable_key,
       (select pg_catalog.quote_ident(x.relname)
          from keys k join pg_catalog.pg_class x on x.oid = k.indexrelid
         where k.indrelid = t.oid and k.is_fit and not k.indisprimary
         order by pg_catalog.cardinality(k.indkey::int2[]), x.relname limit 1) as candidate,
       (select r.relname::text from above a join pg_catalog.pg_class r on r.oid = a.ancestor
         where a.oid = t.oid and r.relreplident not in ('d', t.relreplident)
         order by a.distance limit 1) as differing_parent,
       (select pg_catalog.string_agg(distinct f.conname || ' to ' || f.confrelid::regclass::text, ', ')
          from pg_catalog.pg_constraint f
         where f.conrelid = t.oid and f.contype = 'f'
           and (f.confdeltype in ('c', 'n', 'd') or f.confupdtype in ('c', 'n', 'd'))) as acting_keys,
       (select pg_catalog.string_agg(u.attname, ', ' order by u.attnum)
          from unequal u where u.attrelid = t.oid) as unequal_columns,
       (select pg_catalog.string_agg(a.attname, ', ' order by a.attnum)
          from pg_catalog.pg_attribute a
         where a.attrelid = t.oid and a.attnum > 0
           and coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> ''
           and (t.relreplident = 'f'
                or exists (select from keys k
                            where k.indrelid = t.oid and a.attnum = any (k.indkey)
                              and case t.relreplident when 'd' then k.indisprimary
                                                      when 'i' then k.indisreplident end))) as generated_columns
  from tables t
 order by 2, 3
