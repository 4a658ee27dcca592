-- Who is connected to databases, oldest first. Parameters: databases.
-- A walsender that holds a slot only reads: those of our links are among them. What the account may not see of
-- others' sessions is null: state, address, begin, and the kind of process.
select a.pid,
       a.datname::text as database,
       coalesce(a.usename::text, '') as role,
       coalesce(r.rolsuper, false) as is_superuser,
       coalesce(a.application_name, '') as application,
       pg_catalog.host(a.client_addr) as address,
       a.state,
       coalesce(a.backend_type, 'client backend') as kind,
       a.backend_start as began_at,
       extract(epoch from pg_catalog.clock_timestamp() - a.state_change)::float8 as seconds_in_state,
       extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as seconds_in_transaction,
       a.backend_xid is not null as has_written,
       a.pid = pg_catalog.pg_backend_pid()
         or (a.usename = current_user and a.application_name ~ '^dtsrun( |$)') as is_ours
  from pg_catalog.pg_stat_activity a
  left join pg_catalog.pg_roles r on r.oid = a.usesysid
 where a.datname = any (%(databases)s)
   and coalesce(a.backend_type, '') not in ('autovacuum worker', 'parallel worker', 'slotsync worker')
   and not exists (select from pg_catalog.pg_replication_slots s where s.active_pid = a.pid)
 order by a.backend_start nulls last, a.pid
