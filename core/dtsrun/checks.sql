-- The CHECK constraint that refused a row: of a domain, or of the table. An inherited one cannot be dropped where it
-- is inherited, so the topmost table that has it is wanted.
with recursive upwards(relation) as (
    select %(table)s::pg_catalog.regclass::oid
     where %(type)s::pg_catalog.text is null
    union
    select i.inhparent
      from upwards u
      join pg_catalog.pg_inherits i on i.inhrelid = u.relation
      join pg_catalog.pg_constraint c
        on c.conrelid = i.inhparent and c.contype = 'c' and c.conname = %(constraint)s)
select 'table ' || c.conrelid::pg_catalog.regclass::pg_catalog.text as owner,
       c.conname as name,
       pg_catalog.pg_get_constraintdef(c.oid) as definition
  from upwards u
  join pg_catalog.pg_constraint c
    on c.conrelid = u.relation and c.contype = 'c' and c.conname = %(constraint)s
 where c.coninhcount = 0
union all
select 'domain ' || c.contypid::pg_catalog.regtype::pg_catalog.text,
       c.conname,
       pg_catalog.pg_get_constraintdef(c.oid)
  from pg_catalog.pg_constraint c
  join pg_catalog.pg_type t on t.oid = c.contypid
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
 where c.contype = 'c'
   and c.conname = %(constraint)s
   and t.typname = %(type)s::pg_catalog.text
   and n.nspname = %(type_schema)s::pg_catalog.text
 limit 1
