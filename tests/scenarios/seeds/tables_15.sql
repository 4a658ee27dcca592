-- From version 15 on: unlogged sequences, nulls not distinct, foreign keys that set some columns null, compression.

create unlogged sequence public.volatile_sequence start 5;
select nextval('public.volatile_sequence');
create unlogged table public.volatile_table (id integer generated always as identity, x text);
insert into public.volatile_table (x) values ('x');
alter sequence public.volatile_table_id_seq set logged;
create table public.nulls (a integer, b integer, unique nulls not distinct (a, b));
insert into public.nulls values (1, null), (null, null);
create table public.parent (a integer, b integer, primary key (a, b));
insert into public.parent values (1, 2);
create table public.child (x integer primary key, a integer, b integer, foreign key (a, b) references public.parent on delete set null (b));
insert into public.child values (1, 1, 2);
create table public.compressed (a text compression pglz, b text);
insert into public.compressed values (repeat('abc', 5000), 'b');
create publication of_schema for tables in schema public;
create publication with_filter for table public.parent (a, b) where (a > 0), public.child;
create view public.invoker with (security_invoker = true, security_barrier = true) as select * from public.child;
create table public.ranges (r int4multirange, n nummultirange);
insert into public.ranges values ('{[1,2),[5,)}', '{}');
create view public.merged as select unnest(r) as one from public.ranges;
create function public.standard() returns setof public.parent begin atomic; select * from public.parent; end;
create table public.brin_multi (a integer, t timestamptz);
insert into public.brin_multi select n, timestamptz '2026-01-01 00:00+00' + n * interval '1 minute' from generate_series(1, 500) as n;
create index brin_multi_a on public.brin_multi using brin (a int4_minmax_multi_ops (values_per_range = 8), t timestamptz_bloom_ops (n_distinct_per_range = 50));
create statistics public.on_expression (mcv) on (a % 7), (date_trunc('hour', t at time zone 'UTC')) from public.brin_multi;
create table public.dates (d date, i interval, n numeric);
insert into public.dates values ('infinity', '178000000 years', 'Infinity'), ('-infinity', '-1 us', '-Infinity');
