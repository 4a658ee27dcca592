-- The leaves of a jsonb value with their paths. jsonb sorts keys by their bytes in the database's own encoding, so its
-- text differs between databases of different encodings.
(with recursive tree (path, value) as (
    select array[]::text[], {column}
     where {column} is not null
     union all
    select tree.path || branch.step, branch.value
      from tree
     cross join lateral (
        select 'k' || o.key as step, o.value
          from jsonb_each(case jsonb_typeof(tree.value) when 'object' then tree.value else '{{}}' end) as o
         union all
        select 'i' || a.number, a.value
          from jsonb_array_elements(case jsonb_typeof(tree.value) when 'array' then tree.value else '[]' end)
               with ordinality as a (value, number)) as branch
)
select string_agg(leaf, ' ' order by convert_to(leaf, 'UTF8'))
  from (select path::text || case when jsonb_typeof(value) in ('object', 'array')
                                  then jsonb_typeof(value) else value::text end as leaf
          from tree) as leaves)
