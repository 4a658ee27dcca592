-- Databases of other encodings, one with bytes that are not valid in any, one whose name is a connection string.
-- Begin in any database; the script makes its own.

create database nasty_latin1 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0;
create database nasty_ascii encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0;
create database nasty_eucjp encoding 'EUC_JP' lc_collate 'C' lc_ctype 'C' template template0;
create database nasty_koi8 encoding 'KOI8R' lc_collate 'C' lc_ctype 'C' template template0;
create database nasty_win1252 encoding 'WIN1252' lc_collate 'C' lc_ctype 'C' template template0;
create database nasty_euctw encoding 'EUC_TW' lc_collate 'C' lc_ctype 'C' template template0;
alter database nasty_euctw set client_encoding = 'UTF8';
create database "na""me=1 'x' %41 \ e&host=1?a/b@c:d#e";
create database "host=127.0.0.1 port=1";
create database "postgresql://127.0.0.1:1/x";
create database " ";
create database "ünï 日本";
create database "TEMPLATE0" is_template true connection limit 3;
create database nasty_closed allow_connections false;

\connect nasty_latin1
set client_encoding = 'UTF8';
create table public."täble" (id integer primary key, "cölumn" text, k text collate "C");
insert into public."täble" select n, 'Grüße, Çà et là ÿ' || n, chr(65 + n) from generate_series(1, 20) as n;
create function public.f() returns text language sql as $$ select 'Grüße, Çà et là ÿ'::text $$;
create view public.v as select "cölumn" || 'Grüße, Çà et là ÿ' as x from public."täble";
comment on table public."täble" is 'Grüße, Çà et là ÿ';
create type public."ecölumn" as enum ('Grüße, Çà et là ÿ');

\connect nasty_eucjp
set client_encoding = 'UTF8';
create table public."表" (id integer primary key, "列" text, k text collate "C");
insert into public."表" select n, '日本語の値' || n, chr(65 + n) from generate_series(1, 20) as n;
create function public.f() returns text language sql as $$ select '日本語の値'::text $$;
create view public.v as select "列" || '日本語の値' as x from public."表";
comment on table public."表" is '日本語の値';
create type public."e列" as enum ('日本語の値');

\connect nasty_koi8
set client_encoding = 'UTF8';
create table public."таблица" (id integer primary key, "столбец" text, k text collate "C");
insert into public."таблица" select n, 'Привет, мир' || n, chr(65 + n) from generate_series(1, 20) as n;
create function public.f() returns text language sql as $$ select 'Привет, мир'::text $$;
create view public.v as select "столбец" || 'Привет, мир' as x from public."таблица";
comment on table public."таблица" is 'Привет, мир';
create type public."eстолбец" as enum ('Привет, мир');

\connect nasty_win1252
set client_encoding = 'UTF8';
create table public."tœst" (id integer primary key, "€" text, k text collate "C");
insert into public."tœst" select n, '€ „quoted“ – dash' || n, chr(65 + n) from generate_series(1, 20) as n;
create function public.f() returns text language sql as $$ select '€ „quoted“ – dash'::text $$;
create view public.v as select "€" || '€ „quoted“ – dash' as x from public."tœst";
comment on table public."tœst" is '€ „quoted“ – dash';
create type public."e€" as enum ('€ „quoted“ – dash');

\connect nasty_euctw
set client_encoding = 'UTF8';
create table public."表" (id integer primary key, "欄" text, k text collate "C");
insert into public."表" select n, '中文' || n, chr(65 + n) from generate_series(1, 20) as n;
create function public.f() returns text language sql as $$ select '中文'::text $$;
create view public.v as select "欄" || '中文' as x from public."表";
comment on table public."表" is '中文';
create type public."e欄" as enum ('中文');

\connect nasty_ascii
create table public.bytes (id integer primary key, t text);
insert into public.bytes values (1, 'ascii'), (2, E'utf8: \xc3\xa9'), (3, E'latin1: \xe9'), (4, E'broken: \xff\xfe\xc3'), (5, E'euc \xb0\xa1');
create table public.valid (id integer primary key, t text);
insert into public.valid select n, 'row ' || n from generate_series(1, 20) as n;
create index bytes_upper on public.bytes (upper(t));

\connect "na""me=1 'x' %41 \ e&host=1?a/b@c:d#e"
create table public.t (id serial primary key, x text);
insert into public.t (x) select 'x' || n from generate_series(1, 5) as n;
select lo_from_bytea(16400, '\x01');

\connect "host=127.0.0.1 port=1"
create table public.t (id serial primary key, x text);
insert into public.t (x) select 'x' || n from generate_series(1, 5) as n;
select lo_from_bytea(16400, '\x01');

\connect "postgresql://127.0.0.1:1/x"
create table public.t (id serial primary key, x text);
insert into public.t (x) select 'x' || n from generate_series(1, 5) as n;
select lo_from_bytea(16400, '\x01');

\connect " "
create table public.t (id serial primary key, x text);
insert into public.t (x) select 'x' || n from generate_series(1, 5) as n;
select lo_from_bytea(16400, '\x01');

\connect "ünï 日本"
create table public.t (id serial primary key, x text);
insert into public.t (x) select 'x' || n from generate_series(1, 5) as n;
select lo_from_bytea(16400, '\x01');
