-- The database makes everybody who connects become somebody who may do nothing.

create role nasty_nobody nologin;
create table public.t (id integer primary key, note text);
insert into public.t select n, 'row ' || n from generate_series(1, 100) as n;
create schema private;
create table private.t (id serial primary key, at timestamptz default now());
insert into private.t (at) select timestamptz '2026-01-01 00:00+00' + n * interval '1 hour' from generate_series(1, 50) as n;

do $$
begin
    execute format('alter database %I set role = nasty_nobody', current_database());
    execute format('alter database %I set default_tablespace = pg_default', current_database());
    execute format('alter database %I set search_path = ''''', current_database());
end
$$;
