-- Sums of the halves of every row's MD5, in buckets that the MD5 itself chooses: equal multisets of rows have equal
-- buckets, whatever their order. `offset 0` keeps the planner from computing the MD5 once for each use.
select bucket, count(*) as rows, sum(high)::text as high, sum(low)::text as low
  from (select high, low, (high & {mask})::int as bucket
          from (select ('x' || substr(digest, 1, 16))::bit(64)::bigint as high,
                       ('x' || substr(digest, 17))::bit(64)::bigint as low
                  from (select md5({image}) as digest
                          from only {table}
                         where {condition}
                        offset 0) as digests
                offset 0) as halves) as bucketed
 group by bucket
