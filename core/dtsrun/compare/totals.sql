-- The sums of both halves of every row's digest: equal multisets of rows have equal sums, whatever their order.
-- `offset 0` keeps the planner from computing what stands inside once for each use.
select count(*) as rows, coalesce(sum({high}), 0)::text as high, coalesce(sum({low}), 0)::text as low
  from (select {digested} as digest
          from only {table}
         where {condition}
        offset 0) as digests
