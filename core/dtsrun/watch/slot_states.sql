-- How far slots of the source were confirmed, and what they have decoded (from version 14 on). A slot that is dropped
-- and made anew counts from nothing again, and so does one whose statistics were reset: by hand, which leaves its time
-- behind, or with those of the whole server, after a crash.
select s.slot_name::text as name,
       s.confirmed_flush_lsn::text as confirmed,
       s.active as is_active,
       coalesce(w.total_txns, 0) as transactions,
       coalesce(w.total_bytes, 0) as bytes,
       w.stats_reset::text as reset_at,
       (select b.stats_reset::text from pg_catalog.pg_stat_bgwriter b) as server_reset_at
  from pg_catalog.pg_replication_slots s
  left join pg_catalog.pg_stat_replication_slots w on w.slot_name = s.slot_name
 where s.slot_name = any (%(names)s) and s.confirmed_flush_lsn is not null
