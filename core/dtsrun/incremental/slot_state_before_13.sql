-- How a slot stands, on servers that set no bound to what it holds. Parameters: its name.
select null::text as wal_status,
       null::bigint as safe_bytes,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::bigint as retained_bytes
  from pg_catalog.pg_replication_slots s
 where s.slot_name = %s
