-- The columns of a table of the target, and by which operator equal values of each are found.
-- Parameters: schema, name. No operator: the type has none that we may rely on, its text is compared.
with recursive type_of as (
    -- A domain compares as what it is made of.
    select a.attnum, t.oid, t.typbasetype, t.typtype, t.typelem, t.typcategory
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_type t on t.oid = a.atttypid
     where a.attrelid = (select c.oid
                           from pg_catalog.pg_class c
                           join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                          where n.nspname = %(schema)s and c.relname = %(name)s)
       and a.attnum > 0 and not a.attisdropped
    union all
    select b.attnum, t.oid, t.typbasetype, t.typtype, t.typelem, t.typcategory
      from type_of b
      join pg_catalog.pg_type t on t.oid = b.typbasetype
     where b.typtype = 'd'
)
select c.relkind::text as kind, a.attname::text as name, a.attidentity::text as identity,
       equality.schema as operator_schema, equality.name as operator_name
  from type_of y
  join pg_catalog.pg_attribute a
    on a.attnum = y.attnum
  join pg_catalog.pg_class c on c.oid = a.attrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join lateral (
      select on_.nspname::text as schema, o.oprname::text as name
        from pg_catalog.pg_operator o
        join pg_catalog.pg_namespace on_ on on_.oid = o.oprnamespace
       where o.oprname = '=' and o.oprcanmerge and o.oprleft = o.oprright
         and (o.oprleft = y.oid
              -- Enums, ranges and arrays have one operator for all of them; that of arrays fails where elements have
              -- none of their own, and so does that of composites.
              or (y.typcategory = 'A' and o.oprleft = 'pg_catalog.anyarray'::pg_catalog.regtype
                  and exists (select from pg_catalog.pg_operator e
                               where e.oprname = '=' and e.oprcanmerge and e.oprleft = y.typelem
                                 and e.oprright = y.typelem))
              or o.oprleft = case y.typtype when 'e' then 'pg_catalog.anyenum'::pg_catalog.regtype
                                            when 'r' then 'pg_catalog.anyrange'::pg_catalog.regtype end
              or exists (select from pg_catalog.pg_cast k
                          where k.castsource = y.oid and k.casttarget = o.oprleft
                            and k.castmethod = 'b' and k.castcontext = 'i'))
       order by (o.oprleft = y.oid) desc, o.oid
       limit 1) equality on true
 where n.nspname = %(schema)s and c.relname = %(name)s and y.typtype <> 'd'
 order by a.attnum
