-- One database as its server describes it; what older versions do not have comes as null.
select d.datname as name,
       pg_get_userbyid(d.datdba)::text as owner,
       pg_encoding_to_char(d.encoding)::text as encoding,
       d.datcollate::text as collate,
       d.datctype::text as ctype,
       -- Before version 15 there was libc alone.
       coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
       to_jsonb(d) ->> 'daticurules' as rules,
       d.datconnlimit as connection_limit,
       d.datistemplate as is_template,
       shobj_description(d.oid, 'pg_database') as comment
  from pg_database d
 where d.datname = %s
