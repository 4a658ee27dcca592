-- Sequences with the integer columns that they feed, where the highest value is cheap to find: of a small table, or
-- through a whole btree index that begins with the column.
with feeding as (
    select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number
      from pg_catalog.pg_depend d
     where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
       and d.deptype in ('a', 'i') and d.refobjsubid > 0
    union
    select d.refobjid, f.adrelid, f.adnum
      from pg_catalog.pg_attrdef f
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
     where d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'n'
)
select n.nspname as schema, c.relname as name, tn.nspname as table_schema, t.relname as table_name,
       a.attname as column, s.seqincrement as increment,
       coalesce(pg_catalog.pg_sequence_last_value(c.oid), s.seqstart - s.seqincrement) as last_value
  from feeding f
  join pg_catalog.pg_sequence s on s.seqrelid = f.sequence
  join pg_catalog.pg_class c on c.oid = f.sequence
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_class t on t.oid = f.relation
  join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = f.number
 where c.oid = any (%(sequences)s::oid[]) and t.oid = any (%(relations)s::oid[])
   and a.atttypid in (20, 21, 23) and not s.seqcycle and t.relkind in ('r', 'p')
   and ((t.relkind = 'r' and t.relpages < 1000 and not t.relhassubclass)
        or exists (
           select from pg_catalog.pg_index i
             join pg_catalog.pg_class x on x.oid = i.indexrelid
             join pg_catalog.pg_am m on m.oid = x.relam
            where i.indrelid = t.oid and i.indkey[0] = f.number and i.indisvalid and i.indpred is null
              and m.amname = 'btree'))
 order by 1, 2, 3, 4
