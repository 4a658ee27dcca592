-- What belongs to another object and goes where that goes: (catalog, oid) -> (catalog, oid).
-- {publication_schemas}: the schemas of publications, from 15 on.
select 'pg_catalog.pg_class'::regclass::oid::bigint as catalog, i.indexrelid::bigint as oid,
       'pg_catalog.pg_class'::regclass::oid::bigint as owner_catalog, i.indrelid::bigint as owner
  from pg_catalog.pg_index i
 where i.indrelid >= 16384
union all
select 'pg_catalog.pg_constraint'::regclass::oid::bigint, c.oid::bigint,
       case when c.conrelid <> 0 then 'pg_catalog.pg_class' else 'pg_catalog.pg_type' end::regclass::oid::bigint,
       case when c.conrelid <> 0 then c.conrelid else c.contypid end::bigint
  from pg_catalog.pg_constraint c
 where c.conrelid >= 16384 or c.contypid >= 16384
union all
select 'pg_catalog.pg_trigger'::regclass::oid::bigint, t.oid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, t.tgrelid::bigint
  from pg_catalog.pg_trigger t
union all
select 'pg_catalog.pg_rewrite'::regclass::oid::bigint, r.oid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, r.ev_class::bigint
  from pg_catalog.pg_rewrite r
 where r.ev_class >= 16384
union all
select 'pg_catalog.pg_policy'::regclass::oid::bigint, p.oid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, p.polrelid::bigint
  from pg_catalog.pg_policy p
union all
select 'pg_catalog.pg_attrdef'::regclass::oid::bigint, d.oid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, d.adrelid::bigint
  from pg_catalog.pg_attrdef d
union all
select 'pg_catalog.pg_statistic_ext'::regclass::oid::bigint, s.oid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, s.stxrelid::bigint
  from pg_catalog.pg_statistic_ext s
union all
-- serial and identity sequences
select 'pg_catalog.pg_class'::regclass::oid::bigint, s.oid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, d.refobjid::bigint
  from pg_catalog.pg_class s
  join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = s.oid and d.objsubid = 0
   and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
 where s.relkind = 'S'
union all
-- partitions, not heirs: a partition without its table is another thing
select 'pg_catalog.pg_class'::regclass::oid::bigint, h.inhrelid::bigint,
       'pg_catalog.pg_class'::regclass::oid::bigint, h.inhparent::bigint
  from pg_catalog.pg_inherits h
  join pg_catalog.pg_class c on c.oid = h.inhrelid
 where c.relispartition and c.relkind in ('r', 'p', 'f')
union all
select 'pg_catalog.pg_publication_rel'::regclass::oid::bigint, r.oid::bigint,
       'pg_catalog.pg_publication'::regclass::oid::bigint, r.prpubid::bigint
  from pg_catalog.pg_publication_rel r
{publication_schemas}
