-- What cannot arrive as it is, on any server: rows that violate what is said of them. Each is to be named with its
-- cause; everything else has to arrive.

create schema app;
create table app.fine (id integer primary key, note text);
insert into app.fine select n, 'fine ' || n from generate_series(1, 100) as n;
create view app.fine_view as select id from app.fine where id > 50;

-- A constraint changed under its rows: two of three hundred.
create function app.is_good(integer) returns boolean language sql immutable as 'select true';
create table app.checked (id integer primary key, n integer constraint good check (app.is_good(n)));
insert into app.checked select n, n from generate_series(1, 300) as n;
create or replace function app.is_good(integer) returns boolean language sql immutable as 'select $1 not in (7, 250)';
create index checked_n on app.checked (n);

-- A domain the same way.
create function app.is_word(text) returns boolean language sql immutable as 'select true';
create domain app.word as text check (app.is_word(value));
create table app.words (id integer primary key, word app.word);
insert into app.words values (1, 'one'), (2, 'two words'), (3, 'three');
create or replace function app.is_word(text) returns boolean language sql immutable as $$ select $1 not like '% %' $$;

-- A foreign key that is marked valid, with orphans that came in while triggers were off.
create table app.parent (id integer primary key);
create table app.child (id integer primary key, parent integer references app.parent);
insert into app.parent select generate_series(1, 10);
set session_replication_role = replica;
insert into app.child select n, n from generate_series(1, 12) as n;
reset session_replication_role;

-- A unique index on a function that was changed: two rows have the same value now.
create function app.key_of(text) returns text language sql immutable as 'select $1';
create table app.keyed (id integer primary key, name text);
insert into app.keyed values (1, 'a'), (2, 'A'), (3, 'b');
create unique index keyed_name on app.keyed (app.key_of(name));
create or replace function app.key_of(text) returns text language sql immutable as 'select lower($1)';

-- A materialized view whose query fails now.
create table app.divisor (n integer);
insert into app.divisor values (1);
create materialized view app.divided as select 10 / n as result from app.divisor;
insert into app.divisor values (0);
create materialized view app.on_divided as select result + 1 as more from app.divided;

-- A generated column whose function changed its mind: the stored value is the old one.
create function app.version_of(integer) returns integer language sql immutable as 'select 1';
create table app.generated (id integer primary key, v integer generated always as (app.version_of(id)) stored);
insert into app.generated values (1), (2);
create or replace function app.version_of(integer) returns integer language sql immutable as 'select 2';

-- An exclusion constraint on a changed function; a partition with a row that belongs elsewhere now.
create function app.room_of(text) returns int4range language sql immutable as 'select int4range(length($1), length($1) + 1)';
create table app.rooms (name text, exclude using gist (app.room_of(name) with &&));
insert into app.rooms values ('a'), ('bb');
create or replace function app.room_of(text) returns int4range language sql immutable as 'select int4range(1, 9)';
