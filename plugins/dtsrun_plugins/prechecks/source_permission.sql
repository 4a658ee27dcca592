-- Rights that the current account lacks on what is to be read: kind, name, quoted name, privilege.
with relation as (
    select c.oid, c.relkind, n.nspname, c.relname, n.oid as namespace,
           pg_catalog.format('%%I.%%I', n.nspname, c.relname) as quoted
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'S') and c.relpersistence <> 't'
       and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%%'
       and not exists (
           select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
select 'DATABASE' as kind, pg_catalog.current_database() as name,
       pg_catalog.quote_ident(pg_catalog.current_database()) as quoted, 'CONNECT' as privilege
 where not pg_catalog.has_database_privilege(pg_catalog.current_database(), 'connect')
union all
select distinct 'SCHEMA', nspname::text, pg_catalog.quote_ident(nspname), 'USAGE'
  from relation
 where not pg_catalog.has_schema_privilege(namespace, 'usage')
union all
select case relkind when 'S' then 'SEQUENCE' else 'TABLE' end, nspname || '.' || relname, quoted, 'SELECT'
  from relation
 where not case relkind when 'S' then pg_catalog.has_sequence_privilege(oid, 'select')
                        else pg_catalog.has_table_privilege(oid, 'select') end
union all
select 'TABLE', nspname || '.' || relname, quoted, 'row security'
  from relation
 where relkind = 'r' and pg_catalog.row_security_active(oid)
   and not (select r.rolbypassrls from pg_catalog.pg_roles r where r.rolname = current_user)
union all
select 'LARGE OBJECT', m.oid::text, m.oid::text, 'SELECT'
  from pg_catalog.pg_largeobject_metadata m
 where %(large_objects)s
   and not pg_catalog.pg_has_role(m.lomowner, 'usage')
   and not exists (
       select from pg_catalog.aclexplode(m.lomacl) a
        where a.privilege_type = 'SELECT' and (a.grantee = 0 or pg_catalog.pg_has_role(a.grantee, 'usage')))
