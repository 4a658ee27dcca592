-- Databases that may be moved, with what was granted on each to others than its owner; an empty grantee is PUBLIC.
select d.datname::text as name,
       case a.grantee when 0 then '' else pg_catalog.pg_get_userbyid(a.grantee)::text end as grantee,
       a.privilege_type as privilege,
       pg_catalog.bool_or(a.is_grantable) as is_grantable
  from pg_catalog.pg_database d
  left join lateral pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
    on a.grantee <> d.datdba
 where not d.datistemplate and d.datallowconn
 group by 1, 2, 3
 order by 1, 2, 3
