-- Who is a member of what. {inherit}, {set}: the options of a membership, from 16 on.
select pg_catalog.pg_get_userbyid(m.roleid)::text as role,
       pg_catalog.pg_get_userbyid(m.member)::text as member,
       pg_catalog.pg_get_userbyid(m.grantor)::text as grantor,
       m.admin_option as admin,
       {inherit} as inherit,
       {set} as set
  from pg_catalog.pg_auth_members m
 where pg_catalog.pg_get_userbyid(m.member) !~ '^pg_'
 order by 1, 2, 3
