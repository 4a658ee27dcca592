-- Legal names that break what pastes names together: of schemas, tables, columns, types, functions, everything.

create schema "Quote""d 'Schéma'; drop table x; --";
create schema "percent %s %% {0} $1 :name";
create schema "select";
create schema "back\slash\n";
create schema " ";
create schema "日本語🌿";

create table public."Table" (id integer primary key, "ID" integer, "Id" integer, "select" text, "from" text default 'x');
create table public."table" (like public."Table" including all);
create table public."TABLE" (" leading" integer, "trailing " integer, "tab	tab" integer, "new
line" integer, "a.b" integer, "a""b" integer, "'" text, "\" text, "%" text, "--" text, "/*" text, "*/" text, "$$" text, """" text);
insert into public."Table" values (1, 2, 3, 'a', 'b');
insert into public."table" values (4, 5, 6, 'c', 'd');
insert into public."TABLE" values (1, 2, 3, 4, 5, 6, 'quote', 'back', 'percent', 'dash', 'open', 'close', 'dollar', 'quotes');

create table "Quote""d 'Schéma'; drop table x; --"."t""; drop schema public cascade; --" ("c'; select 1; --" text primary key);
insert into "Quote""d 'Schéma'; drop table x; --"."t""; drop schema public cascade; --" values ('x');
create table "percent %s %% {0} $1 :name"."%(name)s {x} :y $2" ("%s" integer primary key, "{}" integer, ":c" integer, "$1" integer);
insert into "percent %s %% {0} $1 :name"."%(name)s {x} :y $2" values (1, 2, 3, 4);
create table "select"."select" ("select" integer constraint "primary" primary key, "where" integer constraint "check" check ("where" > 0));
insert into "select"."select" values (1, 1);
create table "back\slash\n"."\copy" ("\." text, "\N" text);
insert into "back\slash\n"."\copy" values ('\.', '\N'), ('\\.', ''), (null, 'null');
create table " "." " (" " integer primary key);
insert into " "." " select generate_series(1, 5);
create table "日本語🌿"."テーブル" ("列" text primary key, "Ünïcödé" text, "é" text, U&"e\0301" text);
insert into "日本語🌿"."テーブル" values ('値', 'ü', 'one code point', 'two code points');

-- 63 bytes, alike but for the last; the serial's own sequence and the default names of keys are cut.
create table public.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1 (
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb serial primary key, c integer unique, check (c > 0));
create table public.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2 (
    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb serial primary key, c integer unique, check (c > 0));
insert into public.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1 (c) values (7), (8);

-- The names that catalogs and tools use themselves, and pg_dump's own words.
create table public.pg_class (oid integer, relname text);
create table public.pg_type (typname text);
create table public."information_schema" (x integer);
create table public.dual as select 1 as x;
create table public.user_ ("user" text, "table" text, "column" text, "order" integer, "group" integer, "limit" integer, oid_ integer);
create table public."public.dotted" ("public.dotted" integer);
create table public."TABLE public.Table" (x integer);
create table public."DEFAULT" (x integer default 1);
insert into public.pg_class values (1, 'mine');
insert into public."public.dotted" values (1), (null);

create type public."Enum 'x'" as enum ('', ' ', 'a''b', 'a"b', 'back\slash', 'Ä', '%s', 'NULL', '{}', ',');
create type public."Comp""osite" as ("a b" integer, "c""d" text, "select" public."Enum 'x'");
create domain public."Domain; --" as text constraint "constraint'" check (value <> 'ä"''');
create table public.odd_types (e public."Enum 'x'"[], c public."Comp""osite", d public."Domain; --", a public."Comp""osite"[]);
insert into public.odd_types values (array['', ' ', 'a''b', 'a"b', 'back\slash', 'Ä', 'NULL', '{}', ',', null]::public."Enum 'x'"[],
    row (1, 'x"y,(z)\', 'a"b'), '"', array[row (null, '', ' ')::public."Comp""osite", null]);

create function public."f(integer)"("arg 1" integer, out "out; --" integer, variadic "rest" text[] default '{a,"b c"}')
    language plpgsql as $body$begin "out; --" := "arg 1" + array_length("rest", 1); end$body$;
create function public."f(integer)"(text) returns text language sql immutable as 'select $1 || '' $$ $body$ ''';
create function public."select"("from" text) returns text language sql immutable as $$ select 'it''s ' || $1 || E' \\ \n' $$;
create aggregate public."Sum""me"(integer) (sfunc = int4pl, stype = integer, initcond = '0');
create operator public.@#@ (leftarg = integer, rightarg = integer, procedure = pg_catalog.int4pl);
create sequence public."Seq; --" start 17 increment -3 minvalue -100 maxvalue 100 cycle;
select nextval('public."Seq; --"'), nextval('public."Seq; --"');
create table public.odd_default (id integer default nextval('public."Seq; --"'), note text default 'it''s "x" \ %s $1 {} -- /*');
insert into public.odd_default default values;

create view public."View ""v""; --" as select "ID" as "alias ""a""", "Id" as "%s", "select" as "from" from public."Table";
create materialized view public."Mat'view" as select * from public."View ""v""; --";
create unique index "Index""; --" on public."Mat'view" ("alias ""a""");
create index "same name in another schema" on public."Table" ("ID");
create index "same name in another schema" on "select"."select" ("where");
create rule "Rule""; --" as on insert to public."Table" do also notify "Channel""; --", 'payload''s';
create function public."trigger; --"() returns trigger language plpgsql as 'begin return new; end';
create trigger "Trigger 'x'; --" before insert or update of "ID", "Id" on public."Table" for each row when (new."ID" > 0) execute procedure public."trigger; --"('arg''1', 'x\000y', '');
create policy "Policy""; --" on public."Table" using ("ID" > 0);
create statistics public."Stat""; --" on "ID", "Id" from public."Table";
create collation public."Collation""; --" (locale = 'C');
create text search configuration public."Config""; --" (copy = pg_catalog.simple);
create publication "Publication""; --" for table public."Table", "select"."select";

comment on table public."Table" is 'comment with ''quotes'', "doubles", \backslash, $$ dollars $$, -- dashes, /* stars */, %s, ünïcödé 🌿
and a second line';
comment on column public."TABLE"."new
line" is E'tab\tand\rreturn';
comment on schema " " is ' ';
comment on index public."Index""; --" is 'x';
comment on trigger "Trigger 'x'; --" on public."Table" is 'trigger';
comment on function public."f(integer)"(text) is 'function';
