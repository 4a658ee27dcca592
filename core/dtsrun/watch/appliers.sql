-- The sessions that apply on the target: the workers of a subscription, its leader first, and given pids. From version
-- 16 on parallel workers stand beside their leader; workers of the first copy have a relid.
select a.pid,
       a.state,
       a.wait_event_type,
       a.wait_event,
       -- What a session does is hidden from accounts that are neither its own nor in pg_read_all_stats.
       a.backend_type is null as is_hidden
  from pg_catalog.pg_stat_activity a
  left join pg_catalog.pg_stat_subscription w on w.pid = a.pid and w.subname = %(subscription)s and w.relid is null
 where w.pid is not null or a.pid = any (%(pids)s)
    -- A session of dtsrun's own that applies has the link in its name.
    or pg_catalog.strpos(a.application_name, %(subscription)s) > 0
 order by pg_catalog.to_jsonb(w) ->> 'leader_pid' nulls first, a.pid
