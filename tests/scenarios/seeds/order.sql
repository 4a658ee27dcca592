-- Dependencies that the catalogs do not know: which order loads them all? Every row here is valid.

create schema app;
create schema helper;

-- A check whose function reads a table that sorts after its own.
create table app.zz_allowed (code text primary key);
insert into app.zz_allowed values ('a'), ('b');
create function app.is_allowed(text) returns boolean language sql stable as $$ select exists (select from app.zz_allowed z where z.code = $1) $$;
create table app.aa_uses (code text check (app.is_allowed(code)), n integer);
insert into app.aa_uses select 'a', n from generate_series(1, 50) as n;
create domain app.allowed as text check (app.is_allowed(value));
create table app.aa_domain (code app.allowed, codes app.allowed[]);
insert into app.aa_domain values ('a', '{a,b}'), ('b', null);

-- A generated column and an index that read another table through a function that says that it is immutable.
create table app.zz_rate (id integer primary key, rate numeric);
insert into app.zz_rate values (1, 1.19);
create function app.gross(numeric) returns numeric language plpgsql immutable as $$ begin return $1 * (select z.rate from app.zz_rate z where z.id = 1); end $$;
create table app.aa_price (net numeric, gross numeric generated always as (app.gross(net)) stored);
insert into app.aa_price (net) select n from generate_series(1, 20) as n;
create index aa_price_gross on app.aa_price ((app.gross(net)));

-- A partition key and a default by functions that read tables.
create function app.next_number() returns integer language sql as $$ select coalesce(max(a.n), 0) + 1 from app.aa_uses a $$;
create table app.aa_numbered (n integer default app.next_number(), x text);
insert into app.aa_numbered (x) values ('x');

-- A materialized view that reads another through a function; one that sorts before what it reads; a chain with indexes.
create materialized view app.zz_base as select count(*) as n from app.aa_uses;
create function app.base_count() returns bigint language sql stable as $$ select n from app.zz_base $$;
create materialized view app.aa_top as select app.base_count() as n;
create materialized view app.mm_middle as select n, n + 1 as next from app.zz_base;
create unique index mm_middle_n on app.mm_middle (n);
create materialized view app.ab_end as select m.next, t.n from app.mm_middle m, app.aa_top t;
create materialized view app.ab_empty as select * from app.ab_end with no data;
create index ab_end_next on app.ab_end (next);

-- A materialized view that calls a function whose execution is granted, owned by somebody else.
create role nasty_viewer;
grant usage, create on schema app to nasty_viewer;
grant select on app.aa_uses to nasty_viewer;
create function app.counted() returns bigint language sql stable security definer as $$ select count(*) from app.zz_rate $$;
revoke all on function app.counted() from public;
grant execute on function app.counted() to nasty_viewer;
set role nasty_viewer;
create materialized view app.ac_owned as select app.counted() as n, a.code from app.aa_uses a;
reset role;

-- Views that stand in a circle, two of them and one alone; none can be selected from, all can be created.
create view app.circle_a as select 1 as x;
create view app.circle_b as select x from app.circle_a;
create or replace view app.circle_a as select x from app.circle_b;
create view app.alone as select 1 as x;
create or replace view app.alone as select x from app.alone;
-- A view whose rule reads itself, a table whose rule writes another whose rule writes the first.
create table app.ping (x integer);
create table app.pong (x integer);
create rule to_pong as on insert to app.ping do also insert into app.pong values (new.x);
create rule to_ping as on delete to app.pong do also delete from app.ping where x = old.x;
create rule twice as on update to app.circle_a do instead insert into app.pong select x from app.circle_a where x = new.x;

-- Functions and tables that need each other: row types, defaults, table functions, composite arguments.
create table app.node (id integer primary key, parent integer);
create function app.children(app.node) returns setof app.node language sql stable as $$ select n.* from app.node n where n.parent = $1.id $$;
create function app.depth(app.node) returns integer language sql stable as $$ select 1 + coalesce((select app.depth(p) from app.node p where p.id = $1.parent), 0) $$;
create view app.with_depth as select n.*, app.depth(n.*) as how_deep from app.node n;
insert into app.node values (1, null), (2, 1);
create table app.node_log (old app.node, all_of app.node[]);
insert into app.node_log select n, array[n, null] from app.node n;
alter table app.node add column note text;
create function app.make() returns app.with_depth language sql stable as $$ select * from app.with_depth limit 1 $$;
create view app.of_function as select (app.make()).*;

-- Foreign keys in a circle, on itself, and to a partitioned table, with rows that cannot come in any order.
create table app.hen (id integer primary key, egg integer not null);
create table app.egg (id integer primary key, hen integer not null references app.hen deferrable initially deferred);
insert into app.hen select n, n from generate_series(1, 10) as n;
alter table app.egg alter constraint egg_hen_fkey deferrable initially deferred;
insert into app.egg select n, n from generate_series(1, 10) as n;
alter table app.hen add foreign key (egg) references app.egg;
create table app.person (id integer primary key, boss integer not null references app.person, friend integer references app.person);
insert into app.person values (3, 1, 2), (1, 2, 3), (2, 3, null);

-- A primary key on which a view leans (group by), and a rule on that view.
create table app.item (id integer primary key, name text, price numeric);
insert into app.item values (1, 'x', 2);
create view app.item_total as select i.id, i.name, sum(i.price) as total from app.item i group by i.id;
create rule item_total_insert as on insert to app.item_total do instead insert into app.item (id, name) values (new.id, new.name);
create materialized view app.item_stored as select * from app.item_total;

-- A trigger's function and an operator that are used before they sort; an extension of defaults through sequences.
create sequence app.zz_seq;
create table app.aa_seq (a integer default nextval('app.zz_seq'), b integer default nextval('app.zz_seq'::text), c bigint default currval('app.zz_seq'));
insert into app.aa_seq (a, b, c) values (nextval('app.zz_seq'), 2, 3);
alter sequence app.zz_seq owned by app.aa_seq.b;
create sequence helper.shared;
create table helper.one (id integer default nextval('helper.shared'));
create table helper.two (id integer default nextval('helper.shared'));
insert into helper.one default values;
insert into helper.two default values;
