-- The type below all domains of each given type: its OID and storage length (-1: variable).
with recursive chain (type_oid, base) as (
    select given, given
      from unnest(%(types)s::oid[]) as given
     union
    select chain.type_oid, t.typbasetype
      from chain
      join pg_type t on t.oid = chain.base
     where t.typtype = 'd'
)
select chain.type_oid::bigint, t.oid::bigint as base, t.typlen as length
  from chain
  join pg_type t on t.oid = chain.base
 where t.typtype <> 'd'
