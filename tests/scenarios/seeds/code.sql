-- Functions, operators, types, rules, triggers and all that holds code; foreign data without any wrapper's library.

create schema c;

-- Functions of every shape.
create function c.defaults(a integer, b integer default 1 + 1, out d text, inout e date default '2026-01-01', variadic c text[] default array['x''y', null]) language plpgsql as $$ begin d := a || b::text; end $$;
create function c.overloaded(integer) returns text language sql as 'select ''i''';
create function c.overloaded(text) returns text language sql as 'select ''t''';
create function c.overloaded(anyarray) returns text language sql as 'select ''a''';
create function c.overloaded() returns text language sql as 'select ''none''';
create function c.table_of(n integer) returns table (a integer, "b c" text) language sql immutable strict leakproof parallel restricted cost 7 rows 3 as 'select 1, ''x''';
create function c.poly(anyelement, anyelement, out anyelement, out anyarray) language sql as 'select $1, array[$2]';
create function c.dollars() returns text language plpgsql as $outer$ begin return $$a$$ || $x$b$x$ || E'\\\'' || '$body$'; end $outer$;
create function c.windowed() returns bigint language internal window immutable strict as 'window_row_number';
create function c.with_settings() returns text language sql set search_path = pg_catalog, "odd path" set datestyle = 'ISO, DMY' set work_mem to '1MB' as 'select 1::text';
create function c.body_that_does_not_parse() returns integer language sql as 'select 1';
set check_function_bodies = off;
create or replace function c.body_that_does_not_parse() returns integer language sql as 'select * from nowhere.at_all';
create function c.broken_plpgsql() returns integer language plpgsql as 'begin this is not plpgsql; end';
reset check_function_bodies;
create procedure c.does(inout a integer, b text default 'x') language plpgsql as $$ begin a := a + 1; commit; end $$;
create function c.recursive(n integer) returns integer language sql as 'select case when n > 0 then c.recursive(n - 1) else 0 end';
create function c.hello() returns text language plpgsql as $$ << block >> declare x text := 'Grüße 🌿'; begin -- comment '
    return x; /* it's "a" comment $ */ end $$;

-- Aggregates: plain, ordered-set, hypothetical, moving, with combine functions, variadic.
create aggregate c.mine(numeric) (sfunc = numeric_add, stype = numeric, initcond = '0', combinefunc = numeric_add, msfunc = numeric_add, minvfunc = numeric_sub, mstype = numeric, parallel = safe);
create aggregate c.percentile(float8 order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
create aggregate c.my_rank(variadic "any" order by variadic "any") (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
create aggregate c.max_of(integer) (sfunc = int4larger, stype = integer, sortop = >);
create aggregate c.all_rows(*) (sfunc = int8inc, stype = bigint, initcond = '0', finalfunc_modify = read_only);

-- A base type without C code of ours: with the internal functions of another type; shell types; ranges of it.
create type c.money2;
create function c.money2_in(cstring) returns c.money2 language internal immutable strict as 'int8in';
create function c.money2_out(c.money2) returns cstring language internal immutable strict as 'int8out';
create type c.money2 (input = c.money2_in, output = c.money2_out, like = bigint, category = 'N', delimiter = ';', default = '7');
create type c.only_shell;
create function c.money2_lt(c.money2, c.money2) returns boolean language internal immutable strict as 'int8lt';
create function c.money2_le(c.money2, c.money2) returns boolean language internal immutable strict as 'int8le';
create function c.money2_eq(c.money2, c.money2) returns boolean language internal immutable strict as 'int8eq';
create function c.money2_ge(c.money2, c.money2) returns boolean language internal immutable strict as 'int8ge';
create function c.money2_gt(c.money2, c.money2) returns boolean language internal immutable strict as 'int8gt';
create function c.money2_cmp(c.money2, c.money2) returns integer language internal immutable strict as 'btint8cmp';
create function c.money2_hash(c.money2) returns integer language internal immutable strict as 'hashint8';
create operator c.< (leftarg = c.money2, rightarg = c.money2, function = c.money2_lt, commutator = operator(c.>), negator = operator(c.>=), restrict = scalarltsel, join = scalarltjoinsel);
create operator c.> (leftarg = c.money2, rightarg = c.money2, function = c.money2_gt, commutator = operator(c.<), negator = operator(c.<=));
create operator c.<= (leftarg = c.money2, rightarg = c.money2, function = c.money2_le, commutator = operator(c.>=), negator = operator(c.>));
create operator c.>= (leftarg = c.money2, rightarg = c.money2, function = c.money2_ge, commutator = operator(c.<=), negator = operator(c.<));
create operator c.= (leftarg = c.money2, rightarg = c.money2, function = c.money2_eq, commutator = operator(c.=), hashes, merges);
create operator family c.money2_family using btree;
create operator class c.money2_ops default for type c.money2 using btree family c.money2_family as
    operator 1 c.<, operator 2 c.<=, operator 3 c.=, operator 4 c.>=, operator 5 c.>, function 1 c.money2_cmp(c.money2, c.money2);
create operator class c.money2_hash_ops default for type c.money2 using hash as operator 1 c.=, function 1 c.money2_hash(c.money2);
create operator family c.lonely using gin;
alter operator family c.money2_family using btree add function 2 (integer, integer) btint4sortsupport(internal);
comment on operator c.< (c.money2, c.money2) is 'less';
comment on operator class c.money2_ops using btree is 'for money2';
create type c.money2_range as range (subtype = c.money2, subtype_opclass = c.money2_ops);
create table c.base (m c.money2 primary key, r c.money2_range, a c.money2[]);
insert into c.base values ('5', '[1,3)', '{1;2;NULL}'), ('-9', 'empty', null);
create index base_hash on c.base using hash (m);
create cast (c.money2 as bigint) without function as implicit;
create cast (bigint as c.money2) without function as assignment;
create function c.to_text(c.money2) returns text language sql immutable as 'select ''m'' || $1::bigint';
create cast (c.money2 as text) with function c.to_text(c.money2);
create cast (c.money2 as json) with inout;
create conversion c.my_conversion for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create default conversion c.default_conversion for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1;

-- Types within types, in a circle through a table.
create type c.colour as enum ('red', 'green');
create type c.pair as (a integer, b c.colour);
create domain c.pairs as c.pair[] check (array_length(value, 1) < 5);
create type c.nested as (p c.pair, ps c.pairs, r int4range);
create domain c.nested_domain as c.nested not null default row (null, null, null) check ((value).p is null or ((value).p).a > 0);
create domain c.twice as c.nested_domain constraint twice_check check (true);
create table c.types (n c.nested, d c.twice, ds c.pairs[]);
insert into c.types values (row (row (1, 'red'), array[row (2, 'green'), null]::c.pairs, '[1,2)'), row (row (3, null), null, null), null);
create table c.circle (x integer);
create type c.of_circle as (whole c.circle, many c.circle[]);
alter table c.circle add column y integer;
create domain c.positive as integer;
create table c.with_positive (p c.positive);
insert into c.with_positive values (-1);
alter domain c.positive add constraint is_positive check (value > 0) not valid;
comment on constraint is_positive on domain c.positive is 'from now on';

-- Rules and triggers: instead, also, on views, with transition tables, constraint triggers, disabled ones.
create table c.base_table (id serial primary key, v text, n integer default 0);
create table c.log (id bigserial, what text);
insert into c.base_table (v) select 'v' || n from generate_series(1, 25) as n;
create view c.over as select id, v from c.base_table where n >= 0 with cascaded check option;
create view c.over_over as select o.id as key, upper(o.v) as v from c.over o;
create rule over_delete as on delete to c.over do instead (update c.base_table set n = -1 where id = old.id; insert into c.log (what) values ('rule ' || old.id));
create rule over_nothing as on update to c.over_over do instead nothing;
create rule base_also as on insert to c.base_table where new.n > 5 do also insert into c.log (what) values (new.v);
alter table c.base_table disable rule base_also;
create function c.instead() returns trigger language plpgsql as $$ begin insert into c.base_table (v) values (new.v); return new; end $$;
create trigger over_insert instead of insert on c.over_over for each row execute function c.instead();
create function c.counted() returns trigger language plpgsql as $$ begin insert into c.log (what) select 'n ' || count(*) from old_rows full join new_rows on false; return null; end $$;
create trigger on_update after update on c.base_table referencing old table as old_rows new table as new_rows for each statement execute function c.counted();
create trigger on_columns before update of v, n on c.base_table for each row when (old.v is distinct from new.v and new.n > 0) execute function c.instead('it''s', E'\\', '1');
create trigger on_truncate before truncate on c.base_table execute function c.counted();
create constraint trigger checked after insert on c.base_table from c.log deferrable initially deferred for each row execute function c.instead();
alter table c.base_table disable trigger on_columns, enable always trigger on_truncate, enable replica trigger on_update;
comment on rule over_delete on c.over is 'instead';

-- Views: with columns of odd kinds, materialized chains, security barrier, defaults, recursive, lateral, grouping sets, window frames.
create view c.odd_view (a, "b c", d) with (security_barrier) as
    with recursive r (n) as (values (1) union all select n + 1 from r where n < 5), m as materialized (select * from r)
    select n, sum(n) over (order by n rows between 1 preceding and unbounded following exclude ties), array(select x from lateral (select m.n) as l (x))
      from m where n not in (select 7) group by grouping sets ((n), (n, n)) having count(*) filter (where n > 0) > 0 order by n desc nulls last limit 3 offset 0;
alter view c.over alter column v set default 'from the view';
create view c.joins as select * from (c.base_table b left join c.log l using (id)) as j cross join lateral generate_series(1, j.n) with ordinality as g (x, o) where j.v like 'v%' escape '!' and (j.id, 1) = any (select 1, 2);
create view c.literals as select '\'::text as backslash, E'\n\t'::text as escapes, U&'\00e9'::text as unicode, b'101'::bit(3) as bits, 'x'::"char" as c, null::c.pair as pair, '{1,2}'::integer[] as a, interval '1 day 2 hours' day to minute as i, timestamptz '2026-01-01 00:00+00' at time zone 'Asia/Tokyo' as t, 1e100::float8 as f, -1 as minus, (-1) ^ 2 as power, 'ab' as unknown;
create table c.view_of_row as select b from c.base_table b;
create materialized view c.stored as select id, v from c.over with data;
create unique index stored_id on c.stored (id);
create materialized view c.stored_2 with (fillfactor = 60) as select count(*) as n from c.stored;
create materialized view c.stored_empty as select n from c.stored_2 with no data;
create index stored_empty_n on c.stored_empty (n);
alter materialized view c.stored alter column v set statistics 7, alter column v set storage external;
cluster c.stored using stored_id;

-- Text search, foreign data, languages, access methods, publications, a subscription that never connects.
create text search dictionary c.dictionary (template = pg_catalog.simple, stopwords = 'english', accept = false);
create text search template c.template (init = dsimple_init, lexize = dsimple_lexize);
create text search parser c.parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, headline = prsd_headline, lextypes = prsd_lextype);
create text search configuration c.configuration (parser = c.parser);
alter text search configuration c.configuration add mapping for asciiword, word with c.dictionary, pg_catalog.english_stem;
create foreign data wrapper nowhere options (a 'it''s', "b c" '\');
create server "Server 1" type 't' version '1''2' foreign data wrapper nowhere options (host 'x', "odd ""name" 'y');
create user mapping for current_user server "Server 1" options (user 'u', password 'p''w');
create user mapping for public server "Server 1";
create foreign table c.foreign_table (a integer options (column_name 'x''y') not null, b text collate "C" default 'x', constraint c check (a > 0)) server "Server 1" options (schema_name 's', table_name 'it''s');
comment on server "Server 1" is 'server';
create foreign table c.foreign_child () inherits (c.base_table) server "Server 1";
alter foreign table c.foreign_child no inherit c.base_table;
create function c.nasty_handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create function c.nasty_inline(internal) returns void language c strict as '$libdir/plpgsql', 'plpgsql_inline_handler';
create function c.nasty_validator(oid) returns void language c strict as '$libdir/plpgsql', 'plpgsql_validator';
create trusted language nasty_language handler c.nasty_handler inline c.nasty_inline validator c.nasty_validator;
create function c.in_nasty() returns integer language nasty_language as 'begin return 1; end';
comment on language nasty_language is 'plpgsql by another name';
create access method nasty_heap type table handler heap_tableam_handler;
create access method nasty_btree type index handler bthandler;
create table c.in_heap (a integer) using nasty_heap;
insert into c.in_heap select generate_series(1, 10);
create materialized view c.stored_in_heap using nasty_heap as select a from c.in_heap;
create operator class c.nasty_int for type integer using nasty_btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(integer, integer);
create publication for_all for all tables with (publish = 'insert, truncate');
create publication empty_publication;
create publication some_tables for table c.base_table, only c.log;
create subscription never connection 'host=127.0.0.1 port=1 dbname=x password=''s e''' publication some_tables, for_all with (connect = false, slot_name = none, enabled = false, synchronous_commit = 'off');
comment on subscription never is 'sub';
comment on extension plpgsql is 'changed comment';

-- Row-level security of every shape.
create table c.secured (id integer primary key, owner name default current_user);
insert into c.secured values (1, 'postgres'), (2, 'nobody');
alter table c.secured enable row level security, force row level security;
create policy permissive on c.secured for select using (owner = current_user);
create policy restrictive on c.secured as restrictive for update to current_user, public using (true) with check (id > 0);
create policy by_function on c.secured for insert with check (c.overloaded(1) = 'i');
create policy "all" on c.secured for all to public using (false);
create table c.not_enabled (id integer);
create policy unused on c.not_enabled using (exists (select from c.secured s where s.id = not_enabled.id));
