-- Every type that a table's column has, and those that it consists of: an array of its elements, a domain of what is
-- under it, a range of its subtype, a composite type of its columns. {multiranges}: those of multiranges (14+).
with recursive edge(type, part, position) as (
    select distinct null::oid, a.atttypid, 0
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_class c on c.oid = a.attrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p') and c.relpersistence <> 't'
       and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', '_dtsrun')
    union
    select e.part, p.part, p.position
      from edge e
      join pg_catalog.pg_type t on t.oid = e.part
     cross join lateral (
           select t.typelem, 0 from pg_catalog.pg_type i where i.oid = t.typelem and i.typarray = t.oid
           union all
           select t.typbasetype, 0 where t.typtype = 'd'
           union all
           select r.rngsubtype, 0 from pg_catalog.pg_range r where r.rngtypid = t.oid
           {multiranges}
           union all
           select a.atttypid, a.attnum
             from pg_catalog.pg_attribute a
            where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
           ) as p(part, position))
select t.oid::bigint as oid,
       n.nspname as schema,
       t.typname as name,
       case when i.oid is null then t.typtype::text else 'a' end as form,
       array(select e.part::bigint from edge e where e.type = t.oid order by e.position) as parts,
       x.extname as extension
  from (select distinct part from edge) u
  join pg_catalog.pg_type t on t.oid = u.part
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_type i on i.oid = t.typelem and i.typarray = t.oid
  left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
   and d.refclassid = 'pg_catalog.pg_extension'::regclass
  left join pg_catalog.pg_extension x on x.oid = d.refobjid
 order by t.oid
