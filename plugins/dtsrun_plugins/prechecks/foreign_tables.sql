-- Chosen foreign tables, each with its server and, of partitions, the partitioned table.
select n.nspname::text as schema, c.relname::text as name, s.srvname::text as server,
       (select i.inhparent::regclass::text from pg_catalog.pg_inherits i
         where i.inhrelid = c.oid and c.relispartition) as parent
  from pg_catalog.pg_foreign_table f
  join pg_catalog.pg_class c on c.oid = f.ftrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
 where c.oid = any (%(relations)s::oid[])
 order by 1, 2
