-- What catalog rows are called: type, schema, name and identity as pg_identify_object gives them, the table that each
-- belongs to, the definition of a constraint (those of a table are written with the table in a dump), and whether an extension owns it (extensions bring their objects themselves). Objects that are gone by now
-- have no identity.
select o.catalog, o.oid, i.type, i.schema, i.name, i.identity,
       coalesce((select c.conrelid from pg_catalog.pg_constraint c where o.catalog = 2606 and c.oid = o.oid),
                (select t.tgrelid from pg_catalog.pg_trigger t where o.catalog = 2620 and t.oid = o.oid),
                (select p.polrelid from pg_catalog.pg_policy p where o.catalog = 3256 and p.oid = o.oid),
                (select r.ev_class from pg_catalog.pg_rewrite r where o.catalog = 2618 and r.oid = o.oid),
                (select x.indrelid from pg_catalog.pg_index x where o.catalog = 1259 and x.indexrelid = o.oid),
                -- A sequence that belongs to a column.
                (select d.refobjid from pg_catalog.pg_depend d join pg_catalog.pg_class q on q.oid = d.objid
                  where o.catalog = 1259 and d.classid = 1259 and d.objid = o.oid and d.objsubid = 0
                    and d.refclassid = 1259 and d.deptype in ('a', 'i') and q.relkind = 'S' limit 1),
                case when o.catalog = 1259 then o.oid end, 0)::bigint as relation,
       (select pg_catalog.pg_get_constraintdef(c.oid)
          from pg_catalog.pg_constraint c where o.catalog = 2606 and c.oid = o.oid) as definition,
       exists (select from pg_catalog.pg_depend d
                where d.classid = o.catalog and d.objid = o.oid and d.objsubid = 0 and d.deptype = 'e') as is_members
  from rows from (pg_catalog.unnest(%(catalogs)s::bigint[]::oid[]), pg_catalog.unnest(%(oids)s::bigint[]::oid[]))
       as o(catalog, oid)
 cross join lateral pg_catalog.pg_identify_object(o.catalog, o.oid, 0) i
