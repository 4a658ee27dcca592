-- The search_path that sessions of this database have which, unlike ours, set none: the database's, else that of ALTER
-- ROLE ALL, else the server's own default. Ours begins with an empty one, so reset_val does not tell.
select coalesce(
           (select pg_catalog.substr(c.setting, pg_catalog.length('search_path=') + 1)
              from pg_catalog.pg_db_role_setting s
              left join pg_catalog.pg_database d on d.oid = s.setdatabase
             cross join pg_catalog.unnest(s.setconfig) as c(setting)
             where s.setrole = 0
               and (s.setdatabase = 0 or d.datname = pg_catalog.current_database())
               and c.setting like 'search\_path=%'
             order by s.setdatabase = 0
             limit 1),
           (select boot_val from pg_catalog.pg_settings where name = 'search_path')) as path
