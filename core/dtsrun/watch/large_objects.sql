-- Large objects with owner and grants; no privilege on them is needed.
select m.oid::bigint as oid,
       pg_catalog.md5(row(m.lomowner, m.lomacl)::text) as mark
  from pg_catalog.pg_largeobject_metadata m
