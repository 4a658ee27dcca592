-- What version 14 no longer takes: operators after their operand, and what is made over functions of anyarray.
select n.nspname::text as schema, o.oprname::text as name, 'postfix operator' as kind,
       o.oid::regoperator::text as object
  from pg_catalog.pg_operator o
  join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
 where o.oprright = 0 and o.oid >= 16384
union all
select n.nspname::text, p.proname::text, 'aggregate', p.oid::regprocedure::text
  from pg_catalog.pg_aggregate a
  join pg_catalog.pg_proc p on p.oid = a.aggfnoid
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where p.oid >= 16384
   and (a.aggtransfn::regprocedure::text = any (%(changed)s) or a.aggfinalfn::regprocedure::text = any (%(changed)s)
        or a.aggcombinefn::regprocedure::text = any (%(changed)s)
        or a.aggmtransfn::regprocedure::text = any (%(changed)s))
   and (p.proargtypes::oid[] && array['anyarray'::regtype::oid, 'anyelement'::regtype::oid])
union all
select n.nspname::text, o.oprname::text, 'operator', o.oid::regoperator::text
  from pg_catalog.pg_operator o
  join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
 where o.oid >= 16384 and o.oprright <> 0 and o.oprcode::regprocedure::text = any (%(changed)s)
   and array[o.oprleft, o.oprright] && array['anyarray'::regtype::oid, 'anyelement'::regtype::oid]
 order by 1, 2, 4
