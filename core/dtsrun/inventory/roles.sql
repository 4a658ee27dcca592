-- All roles but the predefined ones (pg_*). {roles}: pg_authid where we may read it; {password}: its rolpassword.
select r.rolname as name,
       r.oid::bigint as oid,
       r.rolsuper as superuser,
       r.rolinherit as inherit,
       r.rolcreaterole as create_role,
       r.rolcreatedb as create_db,
       r.rolcanlogin as can_login,
       r.rolreplication as replication,
       r.rolbypassrls as bypass_rls,
       r.rolconnlimit as connection_limit,
       r.rolvaliduntil::text as valid_until,
       {password} as password_hash,
       pg_catalog.shobj_description(r.oid, 'pg_authid') as comment
  from {roles} r
 where r.rolname !~ '^pg_'
 order by r.rolname
