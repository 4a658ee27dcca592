-- By what an apply worker finds rows of a table of the target: the columns of its replica identity, else of its primary
-- key; null where it has neither. No row: there is no such table. Parameters: schema, table.
select (select pg_catalog.array_agg(a.attname::text order by a.attnum)
          from pg_catalog.pg_attribute a
         where a.attrelid = c.oid and a.attnum = any (i.indkey)) as columns
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join lateral (
    select x.indkey
      from pg_catalog.pg_index x
     where x.indrelid = c.oid and x.indisvalid and x.indimmediate
       and (x.indisprimary or (x.indisreplident and c.relreplident = 'i'))
     order by x.indisreplident and c.relreplident = 'i' desc
     limit 1) i on true
 where n.nspname = %s and c.relname = %s
