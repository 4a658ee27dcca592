-- The rows of the given buckets, by their MD5, so that both ends can be merged as they come.
select md5({image}) collate "C" as digest, {keys} as keys, {shown} as shown
  from only {table}
 where {condition}
   and ({high} & {mask})::int = any ({buckets})
 order by digest
