-- Slots without a reader, and the WAL that each keeps. A standby writes none: what it has received counts there.
with written as (
    select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn()
                else pg_catalog.pg_current_wal_lsn() end as upto
), slot as (
    select s.slot_name::text as name, s.slot_type as type, s.database::text as database, {status} as status,
           coalesce(pg_catalog.pg_wal_lsn_diff(w.upto, s.restart_lsn), 0) as retained
      from pg_catalog.pg_replication_slots s
     cross join written w
     where not s.active and not s.temporary
)
select *
  from slot
 where retained > %(retained)s or status = 'lost' or name like 'dtsrun%%'
 order by retained desc, name
