-- Where sequences stand, and the last value that sequence and owning column can hold.
select n.nspname as schema, c.relname as name, s.seqcycle as cycles, s.seqincrement as increment,
       pg_catalog.has_sequence_privilege(c.oid, 'select, usage') as is_readable,
       case when pg_catalog.has_sequence_privilege(c.oid, 'select, usage')
            then pg_catalog.pg_sequence_last_value(c.oid) end as last_value,
       s.seqstart as start,
       case when s.seqincrement > 0 then least(s.seqmax, t.high) else greatest(s.seqmin, t.low) end as bound,
       col.attname as column, col.relation
  from pg_catalog.pg_sequence s
  join pg_catalog.pg_class c on c.oid = s.seqrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join lateral (
       select a.attname, a.atttypid, pg_catalog.format('%%s.%%s', tn.nspname, tc.relname) as relation
         from pg_catalog.pg_depend d
         join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
         join pg_catalog.pg_class tc on tc.oid = d.refobjid
         join pg_catalog.pg_namespace tn on tn.oid = tc.relnamespace
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.refobjsubid > 0
          and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
        limit 1) col on true
  left join lateral (
       select case col.atttypid when 21 then 32767 when 23 then 2147483647 end as high,
              case col.atttypid when 21 then -32768 when 23 then -2147483648 end as low) t on true
 where c.oid = any (%(sequences)s::oid[])
 order by 1, 2
