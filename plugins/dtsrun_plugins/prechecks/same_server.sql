-- What tells one running server from all others, copies of it included.
select s.system_identifier::text as identifier,
       pg_catalog.pg_postmaster_start_time() as started
  from pg_catalog.pg_control_system() s
