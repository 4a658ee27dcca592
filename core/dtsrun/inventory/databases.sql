-- All databases. A connection limit of -2 marks one that a DROP DATABASE was broken off in.
select d.datname as name,
       pg_catalog.pg_get_userbyid(d.datdba)::text as owner,
       pg_catalog.pg_encoding_to_char(d.encoding)::text as encoding,
       d.datistemplate as is_template,
       d.datallowconn as allows_connections,
       d.datconnlimit = -2 as is_invalid,
       t.spcname as tablespace,
       case when pg_catalog.has_database_privilege(d.oid, 'connect')
            then pg_catalog.pg_database_size(d.oid) else 0 end as bytes
  from pg_catalog.pg_database d
  join pg_catalog.pg_tablespace t on t.oid = d.dattablespace
 order by d.datname
