-- Rows by their keys, column by column: what to compare, and what to show of it.
select {keys} as keys, array[{digests}]::text[] as digests, array[{values}]::text[] as values,
       xmin::text as version
  from only {table}
 where {condition}
   and ({keys})::text = any ({wanted})
