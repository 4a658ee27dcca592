-- The rows of the given buckets, by their MD5, so that both ends can be merged as they come.
select md5({image}) collate "C" as digest, {keys} as keys, {shown} as shown
  from only {table}
 where {condition}
   and (('x' || substr(md5({image}), 1, 16))::bit(64)::bigint & {mask})::int = any ({buckets})
 order by digest
