-- Indexes of chosen relations that are not valid, except those of partitioned tables that wait for their partitions.
select n.nspname::text as schema, x.relname::text as name, c.oid::regclass::text as relation,
       pg_catalog.format('%%I.%%I', n.nspname, x.relname) as quoted, i.indisunique as is_unique
  from pg_catalog.pg_index i
  join pg_catalog.pg_class x on x.oid = i.indexrelid and x.relkind = 'i'
  join pg_catalog.pg_class c on c.oid = i.indrelid
  join pg_catalog.pg_namespace n on n.oid = x.relnamespace
 where i.indrelid = any (%(relations)s::oid[]) and not (i.indisvalid and i.indisready)
 order by 1, 2
