-- Room for the workers of subscriptions on the target, in all databases. Of pg_stat_activity those are counted that come
-- from max_worker_processes: background workers of the server and of extensions, which name their type as they like.
select (select pg_catalog.count(*) from pg_catalog.pg_stat_get_subscription(null) w where w.pid is not null) as workers,
       pg_catalog.current_setting('max_logical_replication_workers')::int as most_workers,
       (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a
         where a.backend_type not in ('client backend', 'autovacuum launcher', 'autovacuum worker', 'background writer',
               'checkpointer', 'startup', 'walreceiver', 'walsender', 'walwriter', 'archiver', 'logger',
               'walsummarizer', 'io worker', 'slotsync worker', 'standalone backend')) as processes,
       pg_catalog.current_setting('max_worker_processes')::int as most_processes
