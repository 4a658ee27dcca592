-- Partitions and heirs, with what they descend from, in the order of inheritance.
select h.inhrelid::bigint as relation, h.inhparent::bigint as parent
  from pg_catalog.pg_inherits h
 order by h.inhrelid, h.inhseqno
