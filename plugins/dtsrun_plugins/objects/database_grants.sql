-- Who may do what with a database; an empty grantee is PUBLIC. A default ACL is written out.
select pg_get_userbyid(a.grantor)::text as grantor,
       case when a.grantee = 0 then '' else pg_get_userbyid(a.grantee)::text end as grantee,
       a.privilege_type as privilege,
       a.is_grantable as grantable
  from pg_database d
 cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 where d.datname = %s
 order by a.grantor <> d.datdba, 1, 2, 3
