-- Sessions that shut readers out of a table of this database, or queue up to.
select l.relation::bigint as oid,
       l.pid,
       l.granted,
       coalesce(a.usename::text, '?') as account,
       coalesce(a.application_name, '') as application,
       pg_catalog.left(a.query, 200) as query
  from pg_catalog.pg_locks l
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'relation'
   and l.mode = 'AccessExclusiveLock'
   and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
   and coalesce(a.backend_type, '') <> 'autovacuum worker'
 order by l.relation, l.pid
