-- Connections in use by others than this tool, and what the account may use of the reserved ones.
select (select pg_catalog.count(*)
          from pg_catalog.pg_stat_activity a
         where (a.datid is not null and a.backend_type is null or a.backend_type = 'client backend')
           and a.application_name is distinct from 'dtsrun check') as used,
       r.rolsuper as is_superuser,
       r.rolsuper or exists (select from pg_catalog.pg_roles g
                              where g.rolname = 'pg_use_reserved_connections'
                                and pg_catalog.pg_has_role(g.oid, 'usage')) as may_use_reserved
  from pg_catalog.pg_roles r
 where r.rolname = current_user
