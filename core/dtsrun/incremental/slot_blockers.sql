-- Who a session waits for that makes a slot. Parameters: pid, the session's own.
-- A prepared transaction has no session: pg_blocking_pids gives 0 for it.
with blocking as (
    select distinct pg_catalog.unnest(pg_catalog.pg_blocking_pids(%(pid)s)) as pid
),
awaited as (
    select l.transactionid
      from pg_catalog.pg_locks l
     where l.pid = %(pid)s and not l.granted and l.locktype = 'transactionid'
)
select pg_catalog.format(
           'session %%s of %%s in %%s, in a transaction for %%s s%%s',
           a.pid, coalesce(a.usename, 'an unknown role'), coalesce(a.datname, 'an unknown database'),
           pg_catalog.date_part('epoch', pg_catalog.now() - a.xact_start)::bigint,
           case when a.query <> '' then ': ' || pg_catalog.left(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g'), 80)
                else '' end) as said
  from blocking b
  join pg_catalog.pg_stat_activity a on a.pid = b.pid
union all
select pg_catalog.format('prepared transaction %%L of %%s in %%s, prepared at %%s',
                         p.gid, coalesce(p.owner, 'a dropped role'), p.database, pg_catalog.date_trunc('second', p.prepared))
  from pg_catalog.pg_prepared_xacts p
  join awaited w on w.transactionid::text = p.transaction::text
 where exists (select from blocking where pid = 0)
