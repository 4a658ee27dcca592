-- Definitions of many forms, among them those that servers of different versions write otherwise.
create schema app;
create domain app.word as text not null check (value ~ '^[a-z]+$');
create type app.mood as enum ('sad', 'glad');
create type app.span as range (subtype = float8, subtype_diff = float8mi);
create table app.orders (
    id bigint not null,
    customer text default 'nobody' not null,
    total numeric(12, 2) default 0,
    flags bit(3) default b'101',
    wide bit varying default b'1',
    at date not null,
    mood app.mood default 'glad',
    constraint orders_total_check check (total >= 0)
);
alter table app.orders add constraint orders_pkey primary key (id);
create table app.a_name_that_is_as_long_as_names_can_be_in_this_database_system (a_column_of_a_long_name int not null);
create table app.items (order_id bigint references app.orders (id) on delete cascade, position int, note text);
create index items_note on app.items (lower(note)) where position > 3;
create table app.events (id bigint not null, at date not null) partition by range (at);
create table app.events_2025 partition of app.events for values from ('2025-01-01') to ('2026-01-01');
create view app.cheap as select id, customer from app.orders where total < 10 and customer <> 'x' order by id;
create view app.both as
    select o.id, i.position from app.orders o join app.items i on i.order_id = o.id where o.total > 1;
create view app.counted as select customer, count(*) as orders from app.orders group by customer having count(*) > 1;
create materialized view app.summed as select at, sum(total) as total from app.orders group by at with no data;
create rule keep as on delete to app.cheap do instead update app.orders set total = 0 where orders.id = old.id;
create function app.twice(a int) returns int language plpgsql as $$ begin return a * 2; end $$;
create function app.touched() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before update of total on app.orders
    for each row when (old.total is distinct from new.total) execute procedure app.touched();
alter table app.orders enable row level security;
create policy own on app.orders using (customer = current_user);
create publication changes for table app.orders, app.items with (publish = 'insert, update');
create sequence app.numbers increment by 5 cache 10;
create operator class app.backwards for type int using btree as
    operator 1 >, operator 2 >=, operator 3 =, operator 4 <=, operator 5 <, function 1 btint4cmp(int4, int4);
comment on table app.orders is 'it''s  about orders';
comment on column app.orders.total is 'gross';
grant select, insert on app.orders to public;
grant all on app.items to public;
revoke delete on app.items from current_user;
revoke execute on function app.twice(int) from public;
alter default privileges in schema app grant select on tables to public;
alter default privileges revoke truncate on tables from current_user;
