-- Enum types with their labels, those of extensions left out.
select n.nspname::text as schema, t.typname::text as name,
       pg_catalog.array_agg(e.enumlabel::text order by e.enumsortorder) as labels
  from pg_catalog.pg_enum e
  join pg_catalog.pg_type t on t.oid = e.enumtypid
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
 group by 1, 2
 order by 1, 2
