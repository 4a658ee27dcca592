-- Tables that are not what CREATE TABLE makes: columns dropped, added, inherited in another order, attached, detached.

create schema t;

-- No column at all, with rows; all columns dropped, with rows.
create table t.zero ();
insert into t.zero default values;
insert into t.zero default values;
create table t.all_dropped (a integer, b text);
insert into t.all_dropped values (1, 'x'), (2, 'y'), (3, 'z');
alter table t.all_dropped drop column a, drop column b;
create table t.dropped (a integer, b text, c integer, d text default 'd');
insert into t.dropped values (1, 'b', 3, 'd');
alter table t.dropped drop column b, drop column a, add column e integer default 5 not null, add column b date;
insert into t.dropped (c) values (4);

-- Inheritance: another order of columns, two parents, merged columns, local defaults, a column added above later.
create table t.parent (a integer not null default 1, b text, c integer check (c > 0));
create table t.child (c integer, x text, a integer default 2);
alter table t.child add column b text, alter column a set not null, add constraint parent_c_check check (c > 0), inherit t.parent;
create table t.other_parent (b text default 'other', z integer);
create table t.two_parents (y integer default 7) inherits (t.parent, t.other_parent);
create table t.grandchild (extra integer, a integer default 8, b text default 'b', c integer) inherits (t.child, t.two_parents);
alter table t.parent add column late text default 'late';
alter table t.grandchild alter column a set default 9, alter column b drop default;
alter table t.child no inherit t.parent;
alter table t.child inherit t.parent;
insert into t.parent values (1, 'p', 1);
insert into t.child (c, x, a, b) values (2, 'x', 3, 'b');
insert into t.two_parents (a, z) values (4, 5);
insert into t.grandchild (extra, c) values (6, 7);
alter table t.parent add constraint own_only check (a < 100) no inherit;
create index parent_a on t.parent (a);
create index grandchild_a on t.grandchild (a);

-- Partitions made elsewhere and attached: other order, dropped columns, own indexes, checks, defaults and triggers.
create table t.part (id integer not null, region text not null, at date not null default current_date, note text) partition by list (region);
create table t.part_eu (gone integer, note text, at date not null, region text not null default 'eu', gone2 text, id integer not null);
alter table t.part_eu drop column gone, drop column gone2;
create unique index part_eu_own on t.part_eu (id, region);
create index part_eu_note on t.part_eu (note) where note is not null;
alter table t.part_eu add constraint part_eu_own_check check (id < 1000000) ;
alter table t.part attach partition t.part_eu for values in ('eu', 'uk');
create table t.part_us (like t.part including all) partition by range (at);
alter table t.part attach partition t.part_us for values in ('us', null);
create table t.part_us_old partition of t.part_us for values from (minvalue) to ('2026-01-01');
create table t.part_us_new partition of t.part_us (note default 'new', constraint only_new check (note <> 'x')) for values from ('2026-01-01') to (maxvalue) partition by hash (id);
create table t.part_us_new_0 partition of t.part_us_new for values with (modulus 2, remainder 0);
create table t.part_us_new_1 partition of t.part_us_new for values with (modulus 2, remainder 1);
create table t.part_empty partition of t.part for values in ('nobody') partition by list (id);
create table t.part_default partition of t.part default;
insert into t.part values (1, 'eu', '2026-01-01', 'e'), (2, 'us', '2025-01-01', 'o'), (3, 'us', '2026-05-01', 'n'), (4, 'us', '2026-05-02', null), (5, 'jp', '2026-01-01', 'd');
create index part_at on t.part (at);
create index part_note on only t.part (note);
create unique index part_key on t.part (id, region, at);
create table t.detached partition of t.part for values in ('gone');
insert into t.part values (9, 'gone', '2026-01-01', 'g');
alter table t.part detach partition t.detached;
create function t.trigger() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger on_root after insert on t.part for each row execute function t.trigger();
create trigger on_leaf before update on t.part_eu for each row execute function t.trigger();
alter table t.part_us_old disable trigger on_root;
alter table t.part_us_new enable replica trigger on_root;

-- A partition key that is an expression, one that uses an enum, one with several columns and minvalue.
create type t.size as enum ('m', 'xl');
alter type t.size add value 's' before 'm';
alter type t.size add value 'l' after 'm';
create table t.by_expression (id integer, at timestamp) partition by range ((id % 10), date_part('year', at));
create table t.by_expression_1 partition of t.by_expression for values from (minvalue, minvalue) to (5, 2026);
create table t.by_expression_2 partition of t.by_expression for values from (5, 2026) to (maxvalue, maxvalue);
insert into t.by_expression select n, timestamp '2024-06-01' + n * interval '30 days' from generate_series(1, 60) as n;
create table t.by_size (size t.size) partition by list (size);
create table t.by_size_small partition of t.by_size for values in ('s', 'm');
create table t.by_size_large partition of t.by_size for values in ('l', 'xl', null);
insert into t.by_size values ('s'), ('xl'), (null);

-- Foreign keys from, to and between partitioned tables; deferrable keys; identity of a replica; clustering.
create table t.referred (id integer, at date, primary key (id, at)) partition by range (at);
create table t.referred_1 partition of t.referred for values from ('2026-01-01') to ('2026-07-01');
create table t.referred_2 partition of t.referred for values from ('2026-07-01') to ('2027-01-01') partition by range (id);
create table t.referred_2_low partition of t.referred_2 for values from (0) to (100);
insert into t.referred values (1, '2026-02-02'), (2, '2026-08-08');
create table t.referring (id integer primary key, r integer, at date, foreign key (r, at) references t.referred on update cascade on delete set null deferrable);
insert into t.referring values (1, 1, '2026-02-02'), (2, 2, '2026-08-08'), (3, null, null);
create table t.referring_part (id integer, r integer, at date, foreign key (r, at) references t.referred match full) partition by hash (id);
create table t.referring_part_0 partition of t.referring_part for values with (modulus 1, remainder 0);
insert into t.referring_part values (1, 1, '2026-02-02');
create table t.keys (a integer, b integer not null, c integer, d box,
    constraint keys_a unique (a) deferrable initially deferred,
    constraint keys_b primary key (b) deferrable,
    constraint keys_d exclude using gist (d with &&) where (c > 0) deferrable initially deferred);
insert into t.keys values (1, 1, 1, '(0,0),(1,1)'), (null, 2, null, null);
create unique index keys_b_plain on t.keys (b) include (a);
alter table t.keys replica identity using index keys_b_plain;
alter table t.keys cluster on keys_b;
create table t.promoted (a integer not null, b integer);
create unique index promoted_index on t.promoted (a) with (fillfactor = 55);
alter table t.promoted add constraint promoted_key primary key using index promoted_index;
create table t.nothing (a integer) ;
alter table t.nothing replica identity nothing;
create table t.not_valid (a integer, b integer);
insert into t.not_valid values (-1, 99), (null, null);
alter table t.not_valid add constraint not_valid_check check (a > 0) not valid, add constraint not_valid_key foreign key (b) references t.promoted not valid;

-- Identity, serial, sequences: on partitioned tables, renamed, moved, exhausted, shared.
create table t.identities (a integer generated always as identity (start 100 increment -5 minvalue -1000 maxvalue 100 cache 7 cycle), b smallint generated by default as identity, c bigserial);
insert into t.identities default values;
insert into t.identities (a, b) overriding system value values (-3, 7);
alter table t.identities rename column c to renamed;
alter sequence t.identities_c_seq rename to "moved Seq";
create table t.identity_part (id integer generated by default as identity, k integer) partition by list (k);
create table t.identity_part_1 partition of t.identity_part for values in (1);
insert into t.identity_part (k) values (1), (1);
create sequence t.exhausted as smallint maxvalue 3;
select nextval('t.exhausted'), nextval('t.exhausted'), nextval('t.exhausted');
create sequence t.never_called start 42;
create sequence t.set_false;
select setval('t.set_false', 77, false);
create sequence t.descending increment -1 start -1;
select nextval('t.descending');
create sequence t.biggest minvalue -9223372036854775808 start -9223372036854775808;
select setval('t.biggest', 9223372036854775807);

-- Storage, statistics, options; typed tables; tables of rows; many columns; long names of defaults.
create table t.options (a text, b text, c integer, d jsonb) with (fillfactor = 33, autovacuum_enabled = false, toast.autovacuum_enabled = false, toast.vacuum_truncate = false, parallel_workers = 0, toast_tuple_target = 256, log_autovacuum_min_duration = 5);
alter table t.options alter a set storage external, alter b set storage main, alter a set statistics 0, alter c set statistics 1000, alter c set (n_distinct = -0.5, n_distinct_inherited = 10), alter d set storage plain;
insert into t.options values (repeat('long ', 20000), repeat('x', 5000), 1, '{"a": [1, 2.50, "é"]}');
create index options_expression on t.options (lower(a) desc nulls last, (c + 1), b collate "C" text_pattern_ops) with (fillfactor = 77) where c is not null;
alter index t.options_expression alter column 2 set statistics 333;
create statistics t.options_stat (mcv, ndistinct) on b, c from t.options;
create type t.typed_type as (a integer, b text);
create table t.typed of t.typed_type (a with options default 5 primary key, constraint typed_b check (b <> ''));
insert into t.typed values (1, 'x');
create table t.rows_of (whole t.typed, many t.typed[], nested t.options);
insert into t.rows_of select t1, array[t1, null], o from t.typed t1, t.options o;
do $$ begin execute (select 'create table t.wide (' || string_agg('column_' || n || ' integer default ' || n, ', ') || ')' from generate_series(1, 900) as n); end $$;
insert into t.wide default values;
create unlogged table t.unlogged (id serial primary key, x text);
insert into t.unlogged (x) select 'u' || n from generate_series(1, 30) as n;
create table t.generated (a integer, b integer generated always as (a * 2) stored, c text default 'c', d text generated always as ('x' || 'y') stored);
insert into t.generated (a) values (1), (null);
alter table t.generated drop column a cascade;
alter table t.generated add column a integer default 4;
alter table t.generated add column missing text default 'filled without rewriting';
create table t.not_nulls (a integer not null, b integer constraint named_not_null not null, c integer primary key, check (a is not null));
alter table t.not_nulls rename to renamed_not_nulls;
alter table t.renamed_not_nulls rename column a to aa;
create table t.like_all (like t.options including all, extra integer);
create table t.as_select as select 1::smallint as a, 'x'::char(3) as b, null::varchar(7)[] as c, interval '1 day'::interval(3) as d, 1.5::numeric(5, 2) as e;
create table t.invalid_index (a integer);
insert into t.invalid_index values (1), (1);
create view t.no_columns as select;
comment on column t.parent.late is 'late';
comment on constraint own_only on t.parent is 'own';
comment on index t.part_at is 'on the root';
