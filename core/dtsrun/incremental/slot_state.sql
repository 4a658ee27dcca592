-- How a slot stands. Parameters: its name.
select s.wal_status,
       s.safe_wal_size as safe_bytes,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::bigint as retained_bytes
  from pg_catalog.pg_replication_slots s
 where s.slot_name = %s
