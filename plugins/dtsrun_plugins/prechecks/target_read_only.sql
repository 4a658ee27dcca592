-- Where ALTER DATABASE and ALTER ROLE made sessions read-only, of what concerns the chosen databases and the account.
select d.datname::text as database, r.rolname::text as role
  from pg_catalog.pg_db_role_setting s
  left join pg_catalog.pg_database d on d.oid = s.setdatabase
  left join pg_catalog.pg_roles r on r.oid = s.setrole
 where exists (select from pg_catalog.unnest(s.setconfig) as c
                where c ~* '^default_transaction_read_only=(on|true|yes|1)$')
   and (s.setdatabase = 0 or d.datname = any (%(databases)s) or d.datname = pg_catalog.current_database())
   and (s.setrole = 0 or r.rolname = current_user)
