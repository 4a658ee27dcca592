-- The large objects of a range of OIDs: owner, comment, and grants as (grantee, grantor, privilege, grant option).
-- 2613 is the OID of pg_largeobject, under which comments and labels of large objects stand.
select m.oid::bigint as oid,
       pg_catalog.pg_get_userbyid(m.lomowner)::text as owner,
       pg_catalog.obj_description(m.oid, 'pg_largeobject') as comment,
       m.lomacl is null as has_default_grants,
       coalesce(
           (select pg_catalog.json_agg(pg_catalog.json_build_array(
                       case when a.grantee = 0 then null else pg_catalog.pg_get_userbyid(a.grantee) end,
                       pg_catalog.pg_get_userbyid(a.grantor),
                       a.privilege_type,
                       a.is_grantable))
              from pg_catalog.aclexplode(m.lomacl) a),
           '[]') as grants,
       coalesce(
           (select pg_catalog.json_agg(pg_catalog.json_build_array(l.provider, l.label) order by l.provider)
              from pg_catalog.pg_seclabel l
             where l.classoid = 2613 and l.objoid = m.oid and l.objsubid = 0),
           '[]') as labels
  from pg_catalog.pg_largeobject_metadata m
 where m.oid >= %(first)s::bigint::oid
   and m.oid <= %(last)s::bigint::oid
 order by m.oid
