-- What chosen views and materialized views take from the system catalogs: columns and functions.
with rules as (
    select w.ev_class, w.ev_action::text as action
      from pg_catalog.pg_rewrite w
     where w.ev_class = any (%(relations)s::oid[]) and w.rulename = '_RETURN'
),
-- Columns that a view reads stand as a bitmap of attribute numbers, counted from a number below the lowest one.
used as (
    select r.ev_class, 'column' as kind, s.nspname || '.' || c.relname as owner, a.attname::text as used
      from rules r
     cross join lateral pg_catalog.regexp_matches(
           r.action, ':relid (\d+) [^{}]*?:selectedCols \(b([ 0-9]+)\)', 'g') m
     cross join lateral pg_catalog.regexp_split_to_table(pg_catalog.btrim(m[2]), ' ') as b(bit)
      join pg_catalog.pg_class c on c.oid = m[1]::oid and c.oid < 16384
      join pg_catalog.pg_namespace s on s.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = b.bit::int - %(lowest)s
    union
    select r.ev_class, 'function', s.nspname::text, p.proname::text
      from rules r
     cross join lateral pg_catalog.regexp_matches(r.action, ':funcid (\d+) ', 'g') m
      join pg_catalog.pg_proc p on p.oid = m[1]::oid and p.oid < 16384
      join pg_catalog.pg_namespace s on s.oid = p.pronamespace
)
select n.nspname::text as schema, v.relname::text as name, u.kind, u.owner, u.used
  from used u
  join pg_catalog.pg_class v on v.oid = u.ev_class
  join pg_catalog.pg_namespace n on n.oid = v.relnamespace
 order by 1, 2, 3, 4, 5
