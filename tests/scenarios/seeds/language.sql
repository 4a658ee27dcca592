-- A language whose handler is a function of pg_catalog: pg_dump writes CREATE LANGUAGE without the handler, which then
-- looks for an extension of that name.

create language nasty_shared handler plpgsql_call_handler inline plpgsql_inline_handler validator plpgsql_validator;
create function public.in_nasty() returns integer language nasty_shared as 'begin return 1; end';
create table public.t (x integer default public.in_nasty());
insert into public.t default values;
