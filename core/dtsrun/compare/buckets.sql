-- The sums of totals.sql, in buckets that the digest itself chooses, so that a differing bucket leads to a few rows.
select bucket, count(*) as rows, sum(high)::text as high, sum(low)::text as low
  from (select high, low, (high & {mask})::int as bucket
          from (select {high} as high, {low} as low
                  from (select {digested} as digest
                          from only {table}
                         where {condition}
                        offset 0) as digests
                offset 0) as halves) as bucketed
 group by bucket
