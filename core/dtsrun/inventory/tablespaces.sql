-- Tablespaces other than the two that every server has.
select t.spcname as name,
       pg_catalog.pg_get_userbyid(t.spcowner)::text as owner,
       pg_catalog.pg_tablespace_location(t.oid) as location,
       coalesce(t.spcacl::text[], array[]::text[]) as acl,
       coalesce(t.spcoptions, array[]::text[]) as options,
       pg_catalog.shobj_description(t.oid, 'pg_tablespace') as comment
  from pg_catalog.pg_tablespace t
 where t.spcname not in ('pg_default', 'pg_global')
 order by t.spcname
