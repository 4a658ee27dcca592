-- Objects in public and elsewhere that are called like PostgreSQL's own, and a search_path of the database that finds
-- them first. A query that does not say pg_catalog, down to its operators, reads nonsense here, silently.

create table public.data (id integer primary key, name text not null, at timestamptz not null);
insert into public.data select n, 'name ' || n, timestamptz '2026-01-01 00:00+00' + n * interval '1 day' from generate_series(1, 200) as n;

create function public.never(text, text) returns boolean language sql immutable as 'select false';
create function public.never(name, name) returns boolean language sql immutable as 'select false';
create function public.never(oid, oid) returns boolean language sql immutable as 'select false';
create function public.never(integer, integer) returns boolean language sql immutable as 'select false';
create operator public.= (leftarg = text, rightarg = text, procedure = public.never);
create operator public.= (leftarg = name, rightarg = name, procedure = public.never);
create operator public.= (leftarg = oid, rightarg = oid, procedure = public.never);
create operator public.= (leftarg = integer, rightarg = integer, procedure = public.never);
create operator public.<> (leftarg = text, rightarg = text, procedure = public.never);
create function public.swap(text, text) returns text language sql immutable as $$ select pg_catalog.concat($2, $1) $$;
create operator public.|| (leftarg = text, rightarg = text, procedure = public.swap);
create function public.minus(integer, integer) returns integer language sql immutable as 'select 0';
create operator public.+ (leftarg = integer, rightarg = integer, procedure = public.minus);

create function public.lower(text) returns text language sql immutable as $$ select 'trapped'::text $$;
create function public.count(anyelement) returns bigint language sql immutable as 'select 0::bigint';
create function public.format_type(oid, integer) returns text language sql stable as $$ select 'trapped'::text $$;
create function public.pg_get_expr(pg_node_tree, oid) returns text language sql stable as $$ select 'trapped'::text $$;
create function public.quote_ident(text) returns text language sql immutable as $$ select 'trapped'::text $$;
create function public.md5(text) returns text language sql immutable as $$ select 'trapped'::text $$;
create function public.set_config(text, text, boolean) returns text language sql volatile as $$ select 'trapped'::text $$;
create function public.unnest(anyarray) returns setof anyelement language sql immutable as 'select null::anyelement limit 0';
create function public.now() returns timestamptz language sql stable as $$ select timestamptz '1999-12-31 23:59:59+00' $$;
create function public.version() returns text language sql immutable as $$ select 'PostgreSQL 1.0'::text $$;
create function public.current_database() returns name language sql immutable as $$ select 'trapped'::name $$;
create function public.current_setting(text) returns text language sql stable as $$ select 'trapped'::text $$;
create function public.hashtext(text) returns integer language sql immutable as 'select 1';

create table public.pg_database (datname name, oid oid);
create table public.pg_roles (rolname name, oid oid, rolsuper boolean);
create table public.pg_settings (name text, setting text);
create table public.pg_namespace (oid oid, nspname name);
create table public.pg_attribute (attrelid oid, attname name, attnum smallint);
create view public.pg_stat_activity as select null::integer as pid limit 0;
create view public.pg_class as select null::oid as oid, null::name as relname limit 0;
insert into public.pg_settings values ('server_version_num', '10000');

create domain public.int4 as pg_catalog.text;
create domain public.text as pg_catalog.int8;
create type public.bool as enum ('maybe');
create type public.regclass as (x pg_catalog.int4);

create table public.uses_traps (
    a public.int4 default 'a string',
    b public.text default 5,
    c public.bool default 'maybe',
    at timestamptz default public.now(),
    n pg_catalog.text check (public.lower(n) operator(pg_catalog.=) 'trapped'));
insert into public.uses_traps (n) values ('x');
create index uses_traps_lower on public.uses_traps (public.lower(n));
create view public.with_operators as
    select id operator(public.+) 1 as zero, name operator(public.||) '!' as swapped from public.data where name operator(public.=) 'name 1' or id operator(pg_catalog.=) 3;
create materialized view public.stored_traps as select public.md5(name) as m, public.count(id) as c from public.data;

do $$
begin
    execute pg_catalog.format('alter database %I set search_path = public, pg_catalog', pg_catalog.current_database());
end
$$;
