-- One MD5 for each of some large objects, made chunk by chunk: lo_get cannot give more than 1 GB at once.
with sized as (
    select o.oid,
           pg_catalog.lo_lseek64(pg_catalog.lo_open(o.oid, 262144), 0, 2) as size
      from pg_catalog.unnest(%(oids)s::bigint[]::oid[]) as o(oid))
select s.oid::bigint as oid,
       s.size,
       (select pg_catalog.md5(pg_catalog.string_agg(
                   pg_catalog.md5(pg_catalog.lo_get(s.oid, g.start, %(chunk)s)), '' order by g.start))
          from pg_catalog.generate_series(0::bigint, s.size, %(chunk)s::bigint) as g(start)) as digest
  from sized s
