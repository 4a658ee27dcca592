-- Roles with hostile names, memberships with options and grantors, settings in every combination, grants of all kinds.

create role "Nasty ""Role""; drop role postgres; --" login;
create role "user" login;
create role "role with spaces " nologin connection limit 0;
create role "ünïcödé 🌿" nologin noinherit;
create role "percent %s {} $1 :x" createdb createrole;
create role nasty_expired login password 'x' valid until '2001-01-01 00:00:00+00';
create role nasty_forever login valid until 'infinity';
create role nasty_replicator replication bypassrls;
create role nasty_super superuser nologin;
create role nasty_md5 login password 'md5c20d1ad2a5bd1a2fb4ab0fae9c8bfa42';
create role nasty_a;
create role nasty_b;
create role nasty_c noinherit;
create role nasty_d;

comment on role "user" is 'it''s "the" user; --';
comment on role nasty_a is '';

grant nasty_a to nasty_b with admin option;
set role nasty_b;
grant nasty_a to nasty_c;
reset role;
grant nasty_b to nasty_c, nasty_d;
grant nasty_c to "Nasty ""Role""; drop role postgres; --" with admin option;
grant "Nasty ""Role""; drop role postgres; --" to "user", "ünïcödé 🌿";
grant pg_read_all_settings, pg_monitor to nasty_d;
grant pg_signal_backend to nasty_a with admin option;

alter role all set lock_timeout = '61s';
alter role "user" set search_path = 'a b', "$user", public, "c""d";
alter role "user" set application_name = 'it''s "x" \ %s; --';
alter role nasty_a set "nasty.custom" = 'a, b, "c"';
alter role nasty_a set datestyle = 'SQL, DMY';
alter role nasty_b set local_preload_libraries = '';
alter role nasty_c set temp_tablespaces = '';

do $$
declare
    db text := current_database();
begin
    execute format('alter role all in database %I set work_mem = ''5MB''', db);
    execute format('alter role "user" in database %I set search_path = ''''', db);
    execute format('alter role nasty_a in database %I set role = nasty_b', db);
    execute format('alter role nasty_c in database %I set log_statement = ''all''', db);
    execute format('alter database %I owner to "Nasty ""Role""; drop role postgres; --"', db);
    execute format('alter database %I connection limit 77', db);
    execute format('comment on database %I is ''it''''s nasty; --''', db);
    execute format('revoke connect on database %I from public', db);
    execute format('grant connect on database %I to nasty_a with grant option', db);
    execute format('grant create on database %I to "percent %%s {} $1 :x"', db);
end
$$;

create schema "Owned" authorization "Nasty ""Role""; drop role postgres; --";
create schema granted;
grant all on schema granted to nasty_a with grant option;
grant usage on schema granted to public;
set role nasty_a;
grant create on schema granted to nasty_b;
reset role;

create table "Owned".t (id serial primary key, secret text, open text);
alter table "Owned".t owner to "ünïcödé 🌿";
insert into "Owned".t (secret, open) values ('s', 'o');
grant select (open), update (secret, open), references (id) on "Owned".t to nasty_a, public;
grant all on "Owned".t to nasty_b with grant option;
revoke all on "Owned".t from "ünïcödé 🌿";
grant trigger, truncate on "Owned".t to "percent %s {} $1 :x";
grant usage on sequence "Owned".t_id_seq to public;

create function granted.f(integer default 3, text[] default '{}') returns integer language sql security definer set work_mem = '4MB' set search_path from current as 'select $1';
alter function granted.f owner to nasty_d;
revoke all on function granted.f(integer, text[]) from public;
grant execute on function granted.f(integer, text[]) to nasty_c with grant option;
create type granted.hidden as enum ('x');
revoke usage on type granted.hidden from public;
create domain granted.hidden_domain as integer;
revoke usage on type granted.hidden_domain from public, current_user;
revoke usage on language plpgsql from public;
grant usage on language plpgsql to nasty_a;

alter default privileges for role nasty_a grant select on tables to public;
alter default privileges for role nasty_a in schema granted grant all on tables to "user" with grant option;
alter default privileges for role nasty_a revoke execute on functions from public;
alter default privileges for role "Nasty ""Role""; drop role postgres; --" in schema "Owned" grant usage on sequences to nasty_d;
alter default privileges for role nasty_b revoke usage on types from public;
alter default privileges for role nasty_b grant create, usage on schemas to nasty_d;
alter default privileges for role nasty_c revoke all on tables from nasty_c;

-- Grants on what the system itself made; pg_dump carries those, many tools do not.
grant select on pg_catalog.pg_authid to nasty_a;
grant execute on function pg_catalog.pg_ls_dir(text) to nasty_b;
revoke execute on function pg_catalog.pg_sleep(double precision) from public;
grant select (rolpassword) on pg_catalog.pg_authid to nasty_c;
revoke all on schema public from public;
grant usage on schema public to nasty_a, "user";
comment on schema public is 'not the standard one';

select lo_from_bytea(90001, '\x00');
select lo_from_bytea(90002, '');
select lo_put(lo_from_bytea(90003, '\x01'), 10000000, '\xff');
select lo_from_bytea(4000000000, '\x5c2e0a');
grant all on large object 90001 to public;
grant select on large object 90001 to nasty_a with grant option;
alter large object 90002 owner to "Nasty ""Role""; drop role postgres; --";
revoke all on large object 90003 from current_user;
comment on large object 4000000000 is 'it''s "large"';
