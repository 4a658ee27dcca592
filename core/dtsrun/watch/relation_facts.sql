-- Tables with what decides whether and how they are followed: kind, parent, and replica identity.
select c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       c.relkind::text as relkind,
       c.relpersistence::text as persistence,
       c.relreplident::text as identity,
       coalesce((select i.indexrelid from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisreplident), 0)::bigint
           as identity_index,
       c.relispartition as is_partition,
       coalesce((select h.inhparent from pg_catalog.pg_inherits h where h.inhrelid = c.oid order by h.inhseqno limit 1),
                0)::bigint as parent
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and c.relpersistence <> 't' and c.oid >= 16384
   and n.nspname not in ('pg_toast', 'information_schema', '_dtsrun')
