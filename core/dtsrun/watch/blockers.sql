-- Whom a session waits for, and for which lock. pg_blocking_pids gives 0 for a prepared transaction.
select b.pid,
       a.usename::text as role,
       a.application_name,
       pg_catalog.date_part('epoch', pg_catalog.now() - a.xact_start)::float8 as age,
       pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 80) as query,
       (select pg_catalog.format('%%s of %%s', l.locktype, coalesce(l.relation::pg_catalog.regclass::text, 'a transaction'))
          from pg_catalog.pg_locks l where l.pid = %(pid)s and not l.granted limit 1) as lock
  from (select distinct pg_catalog.unnest(pg_catalog.pg_blocking_pids(%(pid)s)) as pid) b
  left join pg_catalog.pg_stat_activity a on a.pid = b.pid
 order by a.xact_start nulls last
 limit 1
