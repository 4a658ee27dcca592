-- Transactions of others that are open for long, in any database.
select a.pid,
       a.usename::text as account,
       a.datname::text as database,
       coalesce(a.state, 'unknown') as state,
       a.application_name as application,
       a.client_addr::text as address,
       a.backend_xid is not null as writes,
       extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::bigint as seconds,
       pg_catalog.left(a.query, 200) as query
  from pg_catalog.pg_stat_activity a
 where a.backend_type = 'client backend'
   and a.application_name not like 'dtsrun%%'
   and a.xact_start < pg_catalog.clock_timestamp()
       - case when a.backend_xid is not null then least(%(writing)s, %(open)s) else %(open)s end * interval '1 second'
 order by a.xact_start
