-- Legal but nasty: one of everything that a server without contrib modules can hold, under names that need quoting.
set check_function_bodies = on;
create schema "s.1 ""q""" authorization "o'wner one";
create schema plain;
comment on schema "s.1 ""q""" is 'it''s a ''schema''; -- not a comment';
create schema "only acl";
grant usage on schema "only acl" to "Grantor.Two" with grant option;
alter default privileges for role "o'wner one" in schema "s.1 ""q""" grant select on tables to "täker 3";
alter default privileges for role "o'wner one" revoke execute on functions from public;
set search_path to "s.1 ""q""", public;

-- types and domains
create type "mood;drop" as enum ('so ''so''', 'ok"', '', 'ünïcode');
alter type "mood;drop" owner to "o'wner one";
create type "comp osite" as ("a.b" int, "c d" text collate "C");
comment on column "comp osite"."a.b" is 'attribute';
create domain "pos itive" as integer default 7 constraint "not.null" not null
    constraint "check one" check (value > 0);
alter domain "pos itive" add constraint later check (value < 1000000) not valid;
comment on constraint "check one" on domain "pos itive" is 'c';
create function subdiff(float8, float8) returns float8 language sql immutable as 'select $1 - $2';
create type "flöat range" as range (subtype = float8, subtype_diff = subdiff, multirange_type_name = "many ""ranges""");
create type plain.shell_only;
create type plain.basis;
create function plain.basis_in(cstring) returns plain.basis language internal immutable strict as 'int4in';
create function plain.basis_out(plain.basis) returns cstring language internal immutable strict as 'int4out';
create type plain.basis (input = plain.basis_in, output = plain.basis_out, like = int4, category = 'N', preferred = false);
create table plain.uses_basis (v plain.basis);

-- functions, procedures, aggregates, operators
create function "f u n"(integer) returns text language sql stable cost 42 parallel safe
    as $_$ select 'int' || $1 $_$;
create function "f u n"(text default 'x;y', variadic "rest of" int[] default '{}') returns text language plpgsql
    set search_path to '$user', public set work_mem = '5MB' security definer
    as $body$ begin return $1 || '$$'; end $body$;
create function "f u n"(out a int, out "b c" text) language sql begin atomic select 1, 'it''s'; end;
create function plain.late() returns setof plain.uses_basis language sql as 'select * from plain.uses_basis';
create procedure "pro;c"(inout x int, y text = 'd''e') language plpgsql as 'begin x := x + 1; end';
create function tally(bigint, integer) returns bigint language sql immutable as 'select $1 + 1';
create aggregate "agg regate"(integer) (sfunc = tally, stype = bigint, initcond = '0', parallel = safe);
create aggregate "lowest one"(integer) (sfunc = int4smaller, stype = integer, sortop = <);
create aggregate counted(*) (sfunc = int8inc, stype = bigint, initcond = '0');
create function plain.arrow(jsonb, text) returns text language sql immutable as 'select $1 operator(pg_catalog.->>) $2';
create operator plain.->> (leftarg = jsonb, rightarg = text, function = plain.arrow);
create function basis_lt(plain.basis, plain.basis) returns boolean language internal immutable strict as 'int4lt';
create function basis_eq(plain.basis, plain.basis) returns boolean language internal immutable strict as 'int4eq';
create function basis_gt(plain.basis, plain.basis) returns boolean language internal immutable strict as 'int4gt';
create function basis_cmp(plain.basis, plain.basis) returns integer language internal immutable strict as 'btint4cmp';
create operator plain.< (leftarg = plain.basis, rightarg = plain.basis, function = basis_lt, commutator = operator(plain.>),
    restrict = scalarltsel, join = scalarltjoinsel);
create operator plain.> (leftarg = plain.basis, rightarg = plain.basis, function = basis_gt, commutator = operator(plain.<));
create operator plain.= (leftarg = plain.basis, rightarg = plain.basis, function = basis_eq, hashes, merges);
create operator family plain."fam ily" using btree;
create operator class "cla.ss" default for type plain.basis using btree family plain."fam ily" as
    operator 1 plain.<, operator 3 plain.=, operator 5 plain.>, function 1 basis_cmp(plain.basis, plain.basis);
alter operator family plain."fam ily" using btree owner to "o'wner one";
comment on operator plain.->> (jsonb, text) is 'arrow';
create cast (plain.basis as integer) without function as assignment;
create cast (integer as plain.basis) without function;
comment on cast (integer as plain.basis) is 'cast';
create function plain.to_sql(internal) returns internal language internal strict immutable as 'textlike_support';
create collation "col late" (provider = libc, locale = 'C');
create default conversion plain."conv ersion" for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create access method "heap two" type table handler heap_tableam_handler;
comment on access method "heap two" is 'am';
create function plain.int_from(internal) returns integer language internal strict immutable as 'int4recv';
create transform for integer language sql (from sql with function prsd_lextype(internal),
    to sql with function plain.int_from(internal));
comment on transform for integer language sql is 'transform';
create trusted language "lang uage" handler plpgsql_call_handler inline plpgsql_inline_handler validator plpgsql_validator;
alter language "lang uage" owner to "o'wner one";
grant usage on language "lang uage" to "täker 3";

-- text search
create text search dictionary "dict ionary" (template = simple, stopwords = 'english', accept = false);
create text search template plain."temp late" (init = dsimple_init, lexize = dsimple_lexize);
create text search parser plain."par ser" (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search configuration "con fig" (parser = default);
alter text search configuration "con fig" add mapping for asciiword, word with "dict ionary", simple;
comment on text search configuration "con fig" is 'ts';

-- tables
create table "t.a ble" (
    "i d" bigint generated always as identity (start 5 increment -3 minvalue -100 maxvalue 10 cache 2 cycle) primary key,
    "select" "mood;drop" not null default 'ok"',
    "comp" "comp osite",
    amount "pos itive",
    doubled numeric generated always as (amount * 2) stored,
    "txt" text storage external compression pglz collate "col late",
    period "flöat range",
    doc tsvector,
    constraint "check ""quoted""" check (amount <> 13),
    constraint "no overlap" exclude using gist (period with &&) deferrable initially deferred,
    constraint "nulls same" unique nulls not distinct (amount, "select")
) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_vacuum_scale_factor = 0.3);
alter table "t.a ble" alter column "txt" set statistics 321, alter column amount set (n_distinct = -0.5);
alter table "t.a ble" add constraint "later on" check (amount < 5000) not valid;
alter table "t.a ble" owner to "o'wner one";
comment on table "t.a ble" is E'line one\nline two \\ back''slash "quoted"';
comment on column "t.a ble"."i d" is 'id';
comment on constraint "check ""quoted""" on "t.a ble" is 'check';
create unlogged table "un logged" (x int, y int);
create table serial_one ("i d" serial, v text);
create sequence "free seq" as smallint start 3 increment 2 maxvalue 99 cycle;
alter sequence "free seq" owner to "o'wner one";
create table left_one (id int primary key, other int);
create table right_one (id int primary key, other int constraint "to left" references left_one deferrable initially deferred);
alter table left_one add constraint "to right" foreign key (other) references right_one on delete set null (other) not valid;
create table parent_a (a int not null, note text default 'a');
create table parent_b (b int, note text default 'a', check (b > 0));
create table "kid s" (own int) inherits (parent_a, parent_b);
create table parted (k int not null, part text not null, day date not null, v numeric, primary key (k, part, day)) partition by list (part);
create table "parted x" partition of parted for values in ('x''y', 'z') partition by range (day);
create table "parted x 1" partition of "parted x" for values from (minvalue) to ('2024-01-01') partition by hash (k);
create table "parted x 1 0" partition of "parted x 1" for values with (modulus 2, remainder 0) with (fillfactor = 50);
create table "parted x 1 1" partition of "parted x 1" for values with (modulus 2, remainder 1);
create table "parted rest" partition of parted default;
create index "parted v" on parted (v) include (k);
create index "only one part" on "parted x 1 0" (upper(part));
create table refers (k int, part text, day date, foreign key (k, part, day) references parted);
create table of_type of "comp osite" ("a.b" with options not null);
create index "exp ression" on "t.a ble" (("f u n"(amount::int)) collate "C" desc nulls last) where amount > 3;
alter index "exp ression" rename to "exp;ression";
create unique index "rep ident" on left_one (id) include (other);
alter table left_one replica identity using index "rep ident";
create index clustered on right_one (other);
alter table right_one cluster on clustered;
create index stat_target on parent_a ((a + 1));
alter index stat_target alter column 1 set statistics 77;
create statistics "stat istics" (ndistinct, mcv) on amount, "select" from "t.a ble";
alter statistics "stat istics" set statistics 55;
alter statistics "stat istics" owner to "o'wner one";

-- views, rules, triggers, policies
create view "v iew" with (security_barrier = true, security_invoker = true, check_option = local) as
    select "i d", amount from "t.a ble" where amount > 0;
create view plain.circular as select 1 as x;
create function plain.of_circular(plain.circular) returns int language sql as 'select 1';
create or replace view plain.circular as select x from (values (1)) v(x) where plain.of_circular(row(x)::plain.circular) = 1;
create view grouped as select l.*, count(*) from left_one l group by l.id;
create materialized view "mat view" with (fillfactor = 90) as select l.id, l.other from left_one l with no data;
create unique index "mat view idx" on "mat view" (id);
create materialized view "mat upon mat" as select id from left_one order by id;
create rule "ru le" as on insert to "un logged" where new.x > 5 do instead nothing;
create rule twice as on update to "un logged" do also insert into left_one values (1), (2);
alter table "un logged" disable rule twice;
create function trig() returns trigger language plpgsql as 'begin return new; end';
create trigger "trig ger" before update of amount on "t.a ble" for each row when (old.amount is distinct from new.amount) execute function trig('it''s', E'\\x');
create trigger zz after insert on "un logged" referencing new table as "new rows" for each statement execute function trig();
create constraint trigger "con trig" after insert on left_one deferrable initially deferred for each row execute function trig();
create trigger on_parted after insert on parted for each row execute function trig();
alter table "t.a ble" disable trigger "trig ger";
alter table "un logged" enable always trigger zz;
alter table left_one enable replica trigger "con trig";
alter table "parted x 1 0" disable trigger on_parted;
comment on trigger "trig ger" on "t.a ble" is 'trigger';
alter table "t.a ble" enable row level security;
alter table "t.a ble" force row level security;
create policy "pol icy" on "t.a ble" as restrictive for update to "täker 3", "Grantor.Two" using (amount > 1) with check (amount < 9);
comment on policy "pol icy" on "t.a ble" is 'policy';
create function evt() returns event_trigger language plpgsql as 'begin null; end';
create event trigger "event trig" on ddl_command_start when tag in ('DROP TABLE', 'CREATE TABLE') execute function evt();
alter event trigger "event trig" disable;
alter event trigger "event trig" owner to current_user;

-- foreign data
create foreign data wrapper "f d w" options (debug 'tr''ue');
create server "ser ver" type 't''ype' version '1.0' foreign data wrapper "f d w" options (host 'a b', "op tion" 'x;y');
alter server "ser ver" owner to "o'wner one";
create user mapping for "täker 3" server "ser ver" options ("user" 'u', password 'p''w');
create user mapping for public server "ser ver";
create foreign table "far away" (a int options (column_name 'A;'), b text not null default 'q') server "ser ver" options (table_name 'it''s');
grant usage on foreign server "ser ver" to "täker 3";
grant usage on foreign data wrapper "f d w" to "o'wner one";

-- publications and subscriptions
create publication "in schema" for tables in schema plain, table left_one where (id > 3);
create publication "pub lication" for table left_one (id) where (id > 3), right_one with (publish = 'insert, delete', publish_via_partition_root);
create publication everything for all tables;
alter publication everything owner to current_user;
create subscription "sub scription" connection 'host=127.0.0.1 port=1 dbname=''a b''' publication "pub x", y with (connect = false, slot_name = 'slot_7', binary = true, streaming = parallel);
comment on subscription "sub scription" is 'sub';
create subscription no_slot connection 'host=127.0.0.1 port=1' publication y with (connect = false, slot_name = none);

-- grants
grant usage on schema "s.1 ""q""" to "Grantor.Two";
grant select ("i d", amount), update (txt) on "t.a ble" to "täker 3";
grant select on "t.a ble" to "Grantor.Two" with grant option;
set role "Grantor.Two";
grant select on "s.1 ""q"""."t.a ble" to "täker 3" with grant option;
reset role;
grant execute on function "f u n"(integer) to "Grantor.Two";
revoke execute on function "f u n"(integer) from public;
revoke all on procedure "pro;c"(int, text) from public;
revoke usage on type "mood;drop" from public;
grant usage on sequence "free seq" to "täker 3";
grant all on left_one to "Grantor.Two", "o'wner one";
revoke all on right_one from current_user;
alter function "f u n"(integer) owner to "o'wner one";
alter procedure "pro;c"(int, text) owner to "o'wner one";
alter aggregate "agg regate"(integer) owner to "o'wner one";
alter aggregate counted(*) owner to "o'wner one";
alter operator plain.->> (jsonb, text) owner to "o'wner one";
alter operator class "cla.ss" using btree owner to "o'wner one";
alter collation "col late" owner to "o'wner one";
alter conversion plain."conv ersion" owner to "o'wner one";
alter domain "pos itive" owner to "o'wner one";
alter text search dictionary "dict ionary" owner to "o'wner one";
alter text search configuration "con fig" owner to "o'wner one";
alter foreign table "far away" owner to "o'wner one";
alter view "v iew" owner to "o'wner one";
alter materialized view "mat upon mat" owner to "o'wner one";
alter table parted owner to "o'wner one";
alter schema public owner to "o'wner one";
grant create on schema public to "täker 3";
comment on schema public is 'ours now';
comment on extension plpgsql is 'ours too';
select lo_create(4711);
alter large object 4711 owner to "o'wner one";
comment on large object 4711 is 'lo';
grant select on large object 4711 to "täker 3";

insert into left_one values (1, null), (2, null);
insert into right_one values (1, 1);
insert into parted values (1, 'z', '2020-01-01', 1.5), (2, 'elsewhere', '2030-01-01', 2);
refresh materialized view "mat upon mat";
