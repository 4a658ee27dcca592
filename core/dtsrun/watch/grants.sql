-- What was granted on objects of this database to others than their owner; an empty grantee is PUBLIC. An object whose
-- grants were never touched has no row; one from whose grants nothing is left has a row without a privilege.
select o.catalog, o.oid::bigint as oid, o.part,
       case a.grantee when 0 then '' else pg_catalog.pg_get_userbyid(a.grantee)::text end as grantee,
       a.privilege_type as privilege,
       pg_catalog.bool_or(a.is_grantable) as is_grantable
  from (select 1259 as catalog, c.oid, '' as part, c.relacl as acl, c.relowner as owner
          from pg_catalog.pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'
        union all
        select 1259, t.attrelid, t.attname::text, t.attacl, c.relowner
          from pg_catalog.pg_attribute t join pg_catalog.pg_class c on c.oid = t.attrelid
         where not t.attisdropped and c.relpersistence <> 't'
        union all select 1255, p.oid, '', p.proacl, p.proowner from pg_catalog.pg_proc p
        union all select 2615, n.oid, '', n.nspacl, n.nspowner from pg_catalog.pg_namespace n
        union all select 1247, t.oid, '', t.typacl, t.typowner from pg_catalog.pg_type t
        union all select 2612, l.oid, '', l.lanacl, l.lanowner from pg_catalog.pg_language l
        union all select 2328, w.oid, '', w.fdwacl, w.fdwowner from pg_catalog.pg_foreign_data_wrapper w
        union all select 826, d.oid, '', d.defaclacl, d.defaclrole from pg_catalog.pg_default_acl d
        union all select 1417, s.oid, '', s.srvacl, s.srvowner from pg_catalog.pg_foreign_server s) o
  left join lateral pg_catalog.aclexplode(o.acl) a on a.grantee <> o.owner
 where o.acl is not null and (o.oid >= 16384 or (o.catalog = 2615 and o.oid = 2200))
 group by 1, 2, 3, 4, 5
