-- How many rows have each of some MD5, with the transactions that wrote them.
select digest, count(*) as rows, string_agg(version, ',' order by version) as versions
  from (select md5({image}) collate "C" as digest, xmin::text as version
          from only {table}
         where {condition}
        offset 0) as rows
 where digest = any ({digests})
 group by digest
