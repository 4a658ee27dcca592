-- One key a table: its primary key, else the narrowest unique index over not-null columns, else none. An index that is
-- partial, over expressions, deferrable or not valid is no key. {key_columns}: how many columns of the index are
-- the key (indnkeyatts from 11 on).
select distinct on (i.indrelid)
       i.indrelid::bigint as relation,
       k.columns
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  cross join lateral (
       select pg_catalog.array_agg(a.attname::text order by u.position) as columns,
              pg_catalog.bool_and(a.attnotnull and a.attnum > 0) as not_null
         from pg_catalog.unnest(i.indkey::smallint[]) with ordinality as u(number, position)
         join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.number
        where u.position <= {key_columns}) k
 where i.indisunique and i.indisvalid and i.indimmediate
   and i.indpred is null and i.indexprs is null
   and k.not_null
   and i.indrelid >= 16384
 order by i.indrelid, i.indisprimary desc, pg_catalog.cardinality(k.columns), c.relname
