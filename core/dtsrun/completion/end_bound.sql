select pg_catalog.pg_terminate_backend(a.pid)
  from pg_catalog.pg_stat_activity a
  join pg_catalog.pg_roles r on r.oid = a.usesysid
 where a.datname = {database}
   and a.backend_type = 'client backend'
   and a.backend_start >= {since}
   and a.pid <> pg_catalog.pg_backend_pid()
   and not (a.usename = current_user and a.application_name ~ '^dtsrun( |$)')
   and (
     (select me.rolsuper from pg_catalog.pg_roles me where me.rolname = current_user)
     or (
       not r.rolsuper
       and (pg_catalog.pg_has_role(r.oid, 'usage') or pg_catalog.pg_has_role('pg_signal_backend', 'usage'))
     )
   )
