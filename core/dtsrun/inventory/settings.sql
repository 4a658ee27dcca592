-- What ALTER DATABASE ... SET and ALTER ROLE ... SET left; neither database nor role: ALTER ROLE ALL SET.
select d.datname as database,
       r.rolname as role,
       pg_catalog.substr(c.item, 1, pg_catalog.strpos(c.item, '=') - 1) as name,
       pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) as value
  from pg_catalog.pg_db_role_setting s
  left join pg_catalog.pg_database d on d.oid = s.setdatabase
  left join pg_catalog.pg_roles r on r.oid = s.setrole
  cross join lateral pg_catalog.unnest(s.setconfig) as c(item)
 where (s.setdatabase = 0 or d.oid is not null)
   and (s.setrole = 0 or r.oid is not null)
 order by 1 nulls first, 2 nulls first, 3
