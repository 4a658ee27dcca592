-- Every 500th large object, the last one, and how many there are. No privilege on the large objects is needed.
with numbered as (
    select m.oid::bigint as oid,
           pg_catalog.row_number() over (order by m.oid) as number,
           pg_catalog.count(*) over () as total
      from pg_catalog.pg_largeobject_metadata m)
select oid, number, total
  from numbered
 where pg_catalog.mod(number, %(range)s) = 1 or number = total
 order by oid
