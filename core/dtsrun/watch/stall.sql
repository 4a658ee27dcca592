-- Who serves a slot on the source and what it waits for; no row where the slot is not there.
select s.active_pid as pid,
       r.state,
       r.application_name,
       a.wait_event_type,
       a.wait_event,
       a.pid is not null and a.backend_type is null as is_hidden
  from pg_catalog.pg_replication_slots s
  left join pg_catalog.pg_stat_replication r on r.pid = s.active_pid
  left join pg_catalog.pg_stat_activity a on a.pid = s.active_pid
 where s.slot_name = %(slot)s
