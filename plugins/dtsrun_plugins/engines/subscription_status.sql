-- How a subscription of this database stands. Parameters: name.
-- The apply worker is the row of pg_stat_subscription without a relation; leader_pid (since 16) marks its helpers.
select s.subenabled as is_enabled,
       w.pid,
       w.received_lsn::text as received,
       w.last_msg_receipt_time as heard_at
  from pg_catalog.pg_subscription s
  left join pg_catalog.pg_stat_subscription w
    on w.subid = s.oid and w.relid is null and w.received_lsn is not null
 where s.subname = %s
   and s.subdbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
 limit 1
