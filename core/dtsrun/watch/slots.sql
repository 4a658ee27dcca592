-- Replication slots and how much WAL each holds back. Columns that came later than version 10 are read by name, and are
-- null before: wal_status and safe_wal_size (13), conflicting (16), invalidation_reason (17).
select s.slot_name::text as name,
       s.active as is_active,
       pg_catalog.pg_wal_lsn_diff(
           case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
                else pg_catalog.pg_current_wal_flush_lsn() end, s.restart_lsn)::bigint as retained,
       s.restart_lsn::text as restart,
       s.confirmed_flush_lsn::text as confirmed,
       pg_catalog.to_jsonb(s) ->> 'wal_status' as wal_status,
       (pg_catalog.to_jsonb(s) ->> 'safe_wal_size')::bigint as safe_bytes,
       coalesce(pg_catalog.to_jsonb(s) ->> 'invalidation_reason',
                -- Version 16 calls a slot of a primary conflicting as well when its WAL was removed.
                case when pg_catalog.to_jsonb(s) ->> 'conflicting' = 'true' and pg_catalog.pg_is_in_recovery()
                     then 'conflict with recovery' end) as reason,
       -- In megabytes; -1: no limit. The setting came with version 13.
       (select nullif(g.setting::bigint, -1) * 1048576
          from pg_catalog.pg_settings g where g.name = 'max_slot_wal_keep_size') as most
  from pg_catalog.pg_replication_slots s
 where s.slot_name = any (%(names)s)
