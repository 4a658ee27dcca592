-- A mail-order shop: 46 tables, a million rows, the same ones every time.
--
-- One script, without psql's own commands, for an empty database of PostgreSQL 14 or later; only plpgsql is needed.
-- Run it as a superuser. It creates the shop's four roles where they are missing and is one transaction, if the client
-- sends it whole.
--
-- Reading order: roles, types, tables, rows, then keys, indexes, functions, triggers, views, policies and grants. The
-- keys come after the rows for the reason that a migration does it in this order too: it is several times faster.

set client_min_messages = warning;
set check_function_bodies = on;
set default_tablespace = '';
set timezone = 'UTC';
set datestyle = 'ISO, DMY';
set work_mem = '64MB';
set maintenance_work_mem = '128MB';
set synchronous_commit = off;
set jit = off;

----------------------------------------------------------------------------------------------------------------------
-- Roles: who owns the shop, what runs it, who reads it, who helps customers.

do $roles$
declare
    missing record;
begin
    for missing in
        select *
          from (values ('shop_owner', 'nologin'),
                       ('shop_app', 'login connection limit 200 password ''espresso'''),
                       ('shop_report', 'login noinherit connection limit 5 password ''ristretto'''),
                       ('shop_support', 'login password ''lungo'' valid until ''2031-01-01 00:00:00+00''')) as r (name, attributes)
         where not exists (select from pg_roles where rolname = r.name)
    loop
        execute format('create role %I %s', missing.name, missing.attributes);
    end loop;
end
$roles$;

comment on role shop_owner is 'owns everything of the shop; nobody logs in as it';
comment on role shop_report is 'the reporting tool; may wait, may not write';
grant shop_report to shop_support;
alter role shop_report set statement_timeout = '5min';
alter role shop_report set default_transaction_read_only = on;

do $database$
begin
    execute format('grant create, connect, temporary on database %I to shop_owner', current_database());
    execute format('revoke temporary on database %I from public', current_database());
    execute format('grant temporary on database %I to shop_app, shop_report', current_database());
    execute format('comment on database %I is %L', current_database(), 'the shop: catalogue, sales and warehouse');
    execute format('alter database %I set default_text_search_config = %L', current_database(), 'pg_catalog.english');
    execute format('alter role shop_app in database %I set search_path = sales, catalog, public', current_database());
end
$database$;

create schema catalog authorization shop_owner;
create schema sales authorization shop_owner;
create schema ops authorization shop_owner;
grant create, usage on schema public to shop_owner;

comment on schema catalog is 'what is sold';
comment on schema sales is 'to whom, and for how much';
comment on schema ops is 'from where, and by whom';

set role shop_owner;

-- What shop_owner creates from here on is readable by the reporting tool without a grant for each.
alter default privileges in schema sales, catalog grant select on tables to shop_report;
alter default privileges in schema sales grant usage on sequences to shop_app;
alter default privileges revoke execute on functions from public;

-- A fair die that falls the same way every time: 0 .. sides - 1.
create function pg_temp.dice(throw bigint, salt bigint, sides integer) returns integer
    language sql immutable parallel safe
    as 'select ((hashint8extended(throw, salt) & 9223372036854775807) % sides)::integer';

create function pg_temp.pick(choices text[], throw bigint, salt bigint) returns text
    language sql immutable parallel safe
    as 'select choices[1 + ((hashint8extended(throw, salt) & 9223372036854775807) % array_length(choices, 1))::integer]';

----------------------------------------------------------------------------------------------------------------------
-- Types

create domain public.email_address as text
    constraint looks_like_one check (value ~ '^[^@[:space:]]+@[^@[:space:]]+[.][a-z]+$');
create domain public.country_code as character(2)
    constraint two_capitals check (value ~ '^[A-Z]{2}$');
create domain sales.amount as numeric(12, 2) not null default 0
    constraint not_negative check (value >= 0);
create collation public.bytewise (locale = 'C');
create domain catalog.sku as text collate public.bytewise
    constraint sku_format check (value ~ '^[A-Z]{3}-[0-9]{5}$');

create type sales.order_status as enum ('placed', 'paid', 'packed', 'shipped', 'delivered', 'cancelled', 'returned');
create type sales.tier as enum ('new', 'regular', 'silver', 'gold');
create type ops.movement as enum ('purchase', 'sale', 'return', 'transfer', 'count', 'loss');
create type catalog.dimensions as (length_cm numeric(6, 1), width_cm numeric(6, 1), height_cm numeric(6, 1));
create type catalog.weight_range as range (subtype = numeric, multirange_type_name = catalog.weight_multirange);

comment on domain catalog.sku is 'three letters of the category, five digits';
comment on type sales.tier is 'set every night from the turnover of a year';
comment on column catalog.dimensions.length_cm is 'the longest side';

create text search configuration catalog.product_search (copy = pg_catalog.english);
comment on text search configuration catalog.product_search is 'English stemming, but numbers with a unit stay as they are';
alter text search configuration catalog.product_search alter mapping for numword, asciihword with simple;

-- Used by a generated column and an index, hence immutable and above them.
create function catalog.slug(title text) returns text
    language sql immutable strict parallel safe
    return trim(both '-' from regexp_replace(lower(title), '[^a-z0-9]+', '-', 'g'));
comment on function catalog.slug(text) is 'the title as it stands in the address of a page';

----------------------------------------------------------------------------------------------------------------------
-- Tables: public

create table public.schema_version (
    version integer not null,
    applied_at timestamptz not null,
    description text not null
);

create table public.country (
    code public.country_code not null,
    name text not null,
    vat_percent numeric(4, 2) not null,
    in_eu boolean not null
);

create table public.currency (
    code character(3) not null,
    name text not null,
    minor_units smallint not null default 2
);

-- Tables: catalog

create table catalog.category (
    id integer generated always as identity,
    parent_id integer,
    code character(3) not null,
    name text not null,
    "position" smallint not null default 0
);

create table catalog.brand (
    id serial,
    name text not null,
    flagship_product_id integer,
    website text
);

create table catalog.supplier (
    id serial,
    name text not null,
    country public.country_code,
    contact public.email_address,
    payment_days smallint default 30,
    certificates text[] not null default '{}'
);

create table catalog.product (
    id integer generated always as identity (start with 1 cache 10),
    sku catalog.sku not null,
    brand_id integer not null,
    category_id integer not null,
    title text not null,
    slug text generated always as (catalog.slug(title)) stored,
    description text,
    tags text[] not null default '{}',
    attributes jsonb not null default '{}',
    weight catalog.weight_range,
    released date,
    discontinued boolean not null default false,
    updated_at timestamptz not null default now(),
    search tsvector generated always as (
        setweight(to_tsvector('catalog.product_search', title), 'A')
        || setweight(to_tsvector('catalog.product_search', coalesce(description, '')), 'B')) stored
);
alter table catalog.product alter column description set storage external;
alter table catalog.product alter column category_id set statistics 500;
alter table catalog.product alter column brand_id set (n_distinct = 60);

create table catalog.product_variant (
    id serial,
    product_id integer not null,
    name text not null,
    gtin text,
    colour text,
    size catalog.dimensions,
    list_price sales.amount,
    active boolean not null default true
);

create table catalog.product_category (
    product_id integer not null,
    category_id integer not null
);

create table catalog.product_translation (
    product_id integer not null,
    language character(2) not null,
    title text not null
);

create table catalog.product_image (
    id integer generated by default as identity,
    product_id integer not null,
    "position" smallint not null,
    media_type text not null default 'image/png',
    thumbnail bytea,
    alt text
);

create table catalog.supplier_product (
    supplier_id integer not null,
    product_id integer not null,
    purchase_price sales.amount,
    lead_time interval not null default '7 days',
    minimum_order integer not null default 1
);

create table catalog.price_list (
    id smallint not null,
    name text not null,
    currency character(3) not null
);

create table catalog.price (
    id integer generated by default as identity,
    price_list_id smallint not null,
    variant_id integer not null,
    valid daterange not null,
    price sales.amount
);

create table catalog.review (
    id bigserial,
    product_id integer not null,
    customer_id integer not null,
    rating smallint not null,
    body text,
    helpful integer not null default 0,
    written_at timestamptz not null
) with (fillfactor = 90);

create table catalog.attribute_definition (
    key text not null,
    unit text,
    allowed jsonb,
    constraint allowed_is_list check (jsonb_typeof(allowed) = 'array')
);

-- Tables: sales

create table sales.customer (
    id integer generated always as identity,
    email public.email_address not null,
    first_name text not null,
    last_name text not null,
    country public.country_code not null,
    tier sales.tier not null default 'new',
    phone text,
    born date,
    preferences jsonb not null default '{}',
    joined_at timestamptz not null,
    updated_at timestamptz not null default now()
);

create table sales.address (
    id serial,
    customer_id integer not null,
    kind text not null default 'delivery',
    street text not null,
    postcode text,
    city text not null,
    country public.country_code not null,
    location point
);

create table sales.orders (
    id bigint generated by default as identity,
    placed_on date not null,
    placed_at timestamptz not null,
    customer_id integer not null,
    address_id integer,
    status sales.order_status not null default 'placed',
    channel text not null default 'web',
    currency character(3) not null default 'EUR',
    total sales.amount,
    note text,
    updated_at timestamptz not null default now()
) partition by range (placed_on);

create table sales.order_line (
    order_id bigint not null,
    line smallint not null,
    placed_on date not null,
    variant_id integer not null,
    quantity smallint not null,
    unit_price numeric(10, 2) not null,
    discount_percent numeric(4, 1) not null default 0,
    net numeric(12, 2) generated always as (round(quantity * unit_price * (1 - discount_percent / 100), 2)) stored
) partition by hash (order_id);

create table sales.payment_method (
    code text not null,
    name text not null,
    fee_percent real not null default 0
);

create table sales.payment (
    id bigint generated always as identity,
    order_id bigint not null,
    placed_on date not null,
    method text not null,
    amount sales.amount,
    reference uuid not null,
    paid_at timestamptz not null
);

create table sales.refund (
    id bigserial,
    payment_id bigint not null,
    amount sales.amount,
    reason text,
    refunded_at timestamptz not null
);

create table sales.invoice (
    number text not null,
    order_id bigint not null,
    placed_on date not null,
    document oid not null,
    checksum bytea not null,
    issued_at timestamptz not null
);

create table sales.cart (
    id uuid not null,
    customer_id integer,
    created_at timestamptz not null,
    expires interval not null default '30 days'
);

create table sales.cart_item (
    cart_id uuid not null,
    variant_id integer not null,
    quantity smallint not null default 1
);

create table sales.coupon (
    code text not null,
    valid tstzrange not null,
    percent numrange,
    categories integer[],
    terms xml
);

create table sales.coupon_redemption (
    coupon text not null,
    order_id bigint not null,
    placed_on date not null
);

create table sales.gift_card (
    id integer generated always as identity (start with 1000 increment by 7),
    code_hash bytea not null,
    balance sales.amount,
    owner_id integer,
    pin_attempts bit(3) not null default b'000'
);

create table sales.newsletter (
    email public.email_address not null,
    topics text[] not null,
    confirmed_from inet,
    confirmed_at timestamptz
);

create table sales.return_request (
    id bigserial,
    order_id bigint not null,
    placed_on date not null,
    line smallint not null,
    reason text not null,
    photos bytea[],
    requested_at timestamptz not null
);

create table sales.exchange_rate (
    currency character(3) not null,
    day date not null,
    rate double precision not null
);

-- Tables: ops

create table ops.warehouse (
    id smallint not null,
    name text not null,
    location point not null,
    serves circle not null,
    opening datemultirange
);

create table ops.bin (
    id serial,
    warehouse_id smallint not null,
    code text not null,
    capacity int4range not null default '[0,100)'
);

create table ops.stock (
    warehouse_id smallint not null,
    variant_id integer not null,
    quantity integer not null default 0,
    reorder_at integer not null default 5,
    counted_at timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create table ops.stock_movement (
    id bigserial,
    warehouse_id smallint not null,
    variant_id integer not null,
    kind ops.movement not null,
    quantity integer not null,
    moved_at timestamptz not null,
    order_id bigint
);

create table ops.carrier (
    id smallserial,
    name text not null,
    tracking_url text,
    pickup time with time zone
);

create table ops.shipment (
    id bigint generated always as identity,
    order_id bigint not null,
    placed_on date not null,
    carrier_id smallint not null,
    warehouse_id smallint not null,
    tracking text,
    weight_kg real,
    shipped_at timestamptz not null,
    delivered_at timestamptz
);

create table ops.dock_booking (
    id integer generated always as identity,
    warehouse_id smallint not null,
    dock smallint not null,
    during tstzrange not null,
    carrier_id smallint not null
);

create table ops.department (
    id smallint not null,
    name text not null,
    manager_id integer
);

create table ops.employee (
    id integer generated by default as identity,
    department_id smallint not null,
    name text not null,
    hired date not null,
    salary money,
    badge macaddr,
    shifts tstzmultirange
);

create table ops.audit_log (
    id bigserial,
    happened_at timestamptz not null,
    employee_id integer,
    table_name text not null,
    action "char" not null,
    before jsonb,
    after jsonb
);

-- The years before 2026, moved away by hand when partitions were not yet trusted.
create table ops.audit_log_2025 (archived_by text default 'dba') inherits (ops.audit_log);

create table ops.setting (
    name text not null,
    value jsonb not null
);

create unlogged table ops.job_queue (
    id bigserial,
    task text not null,
    payload jsonb,
    run_at timestamptz not null,
    locked_by text
);

create table ops.page_view_daily (
    day date not null,
    path text not null,
    views integer not null,
    visitors integer not null
);

-- Months as partitions; November and December are large and split again by the order's number.
do $partitions$
declare
    month date;
    part text;
begin
    for month in select generate_series(date '2025-01-01', date '2026-12-01', interval '1 month')::date
    loop
        part := 'orders_' || to_char(month, 'YYYY_MM');
        if extract(month from month) in (11, 12) then
            execute format('create table sales.%I partition of sales.orders for values from (%L) to (%L)'
                           ' partition by hash (id)', part, month, month + interval '1 month');
            for remainder in 0 .. 2 loop
                execute format('create table sales.%I partition of sales.%I for values with (modulus 3, remainder %s)',
                               part || '_' || remainder, part, remainder);
            end loop;
        else
            execute format('create table sales.%I partition of sales.orders for values from (%L) to (%L)',
                           part, month, month + interval '1 month');
        end if;
    end loop;
    create table sales.orders_other partition of sales.orders default;
    for remainder in 0 .. 3 loop
        execute format('create table sales.%I partition of sales.order_line for values with (modulus 4, remainder %s)',
                       'order_line_' || remainder, remainder);
    end loop;
end
$partitions$;

----------------------------------------------------------------------------------------------------------------------
-- Rows: public

insert into public.schema_version
select v, timestamptz '2024-11-04 09:00+00' + v * interval '11 days 3 hours', 'migration ' || to_char(v, 'FM000')
  from generate_series(1, 58) as v;

insert into public.country values
    ('DE', 'Deutschland', 19, true), ('AT', 'Österreich', 20, true), ('FR', 'France', 20, true),
    ('NL', 'Nederland', 21, true), ('PL', 'Polska', 23, true), ('SE', 'Sverige', 25, true),
    ('ES', 'España', 21, true), ('IT', 'Italia', 22, true), ('CZ', 'Česko', 21, true),
    ('GR', 'Ελλάδα', 24, true), ('CH', 'Schweiz', 8.1, false), ('GB', 'United Kingdom', 20, false),
    ('NO', 'Norge', 25, false), ('JP', '日本', 10, false), ('US', 'United States', 0, false);

insert into public.currency values
    ('EUR', 'Euro', 2), ('GBP', 'Pound sterling', 2), ('CHF', 'Schweizer Franken', 2), ('PLN', 'Złoty', 2),
    ('SEK', 'Svensk krona', 2), ('JPY', '円', 0), ('USD', 'US dollar', 2);

-- Rows: catalog

insert into catalog.category (parent_id, code, name, "position")
select nullif(parent, 0), code, name, row_number() over (partition by parent)
  from (values (0, 'KIT', 'Kitchen'), (0, 'GAR', 'Garden'), (0, 'OFF', 'Office'), (0, 'OUT', 'Outdoor'),
               (0, 'TOY', 'Toys'), (0, 'LIG', 'Lighting'), (1, 'POT', 'Pots and pans'), (1, 'KNI', 'Knives'),
               (1, 'COF', 'Coffee and tea'), (1, 'BAK', 'Baking'), (2, 'SEE', 'Seeds'), (2, 'TOO', 'Garden tools'),
               (2, 'FUR', 'Garden furniture'), (3, 'PAP', 'Paper'), (3, 'PEN', 'Pens'), (3, 'DSK', 'Desks'),
               (4, 'TEN', 'Tents'), (4, 'BAG', 'Backpacks'), (4, 'SLE', 'Sleeping bags'), (5, 'WOO', 'Wooden toys'),
               (5, 'GAM', 'Board games'), (6, 'LAM', 'Lamps'), (6, 'BUL', 'Bulbs'), (9, 'GRI', 'Grinders')
       ) as c (parent, code, name);

insert into catalog.brand (name, website)
select name, 'https://www.' || lower(replace(name, ' ', '-')) || '.example'
  from unnest(string_to_array('Alder Works|Bergtal|Casa Lume|Dorvan|Eisvogel|Fjordlys|Grünwald|Halden|Iris and Oak|Juniper'
       '|Kettle Row|Lindqvist|Marlowe|Norrland|Oakhurst|Petit Four|Quillon|Ravensbury|Solberg|Tierra Alta'
       '|Umbra Nova|Vester|Wayfarer|Xylon|Yarrow|Zephyr|Ambar|Birchfield|Calder|Dunmore', '|')) as name;

insert into catalog.supplier (name, country, contact, payment_days, certificates)
select pg_temp.pick('{Meridian,Hanse,Adria,Baltic,Sakura,Alpine,Iberia,Nordic,Delta,Orient}', n, 1) || ' '
       || pg_temp.pick('{Trading,Import,Wholesale,Works,Manufaktur,Logistics}', n, 2) || ' ' || n,
       pg_temp.pick('{DE,PL,IT,JP,SE,CZ}', n, 3), 'orders@supplier' || n || '.example',
       (array[14, 30, 45, 60])[1 + pg_temp.dice(n, 4, 4)],
       case pg_temp.dice(n, 5, 3) when 0 then '{}' when 1 then '{ISO 9001}' else '{ISO 9001,"FSC, 100 %"}' end::text[]
  from generate_series(1, 120) as n;

insert into catalog.attribute_definition values
    ('material', null, '["steel", "oak", "linen", "ceramic", "glass"]'), ('power', 'W', null),
    ('volume', 'l', null), ('warranty', 'months', '[12, 24, 36]'), ('energy class', null, '["A", "B", "C", "D"]');

insert into catalog.product (sku, brand_id, category_id, title, description, tags, attributes, weight, released,
                             discontinued, updated_at)
select c.code || '-' || to_char(n, 'FM00000'), 1 + pg_temp.dice(n, 10, 30), c.id,
       p.adjective || ' ' || p.noun || ' ' || (10 + pg_temp.dice(n, 13, 90)),
       'A ' || lower(p.adjective) || ' ' || lower(p.noun) || ' for those who '
       || pg_temp.pick('{cook every day,travel light,write by hand,"garden in the rain","play with their children",like things that last}', n, 14)
       || '. ' || case when n % 11 = 0 then repeat('Made with care; repaired for life. ', 1 + n % 90) else 'Two years of warranty.' end,
       array[lower(p.noun), case when n % 3 = 0 then 'sale' else 'new in' end],
       jsonb_build_object('material', pg_temp.pick('{steel,oak,linen,ceramic,glass}', n, 15), 'warranty', 12 * (1 + n % 3))
       || case when n % 7 = 0 then '{"energy class": "B", "power": {"max": 60, "unit": "W"}}' else '{}' end::jsonb,
       catalog.weight_range(round(0.1 + pg_temp.dice(n, 16, 80) / 10.0, 1), round(9 + pg_temp.dice(n, 17, 30) / 10.0, 1)),
       case when n % 40 > 0 then date '2015-03-01' + pg_temp.dice(n, 18, 4000) end, n % 23 = 0,
       timestamptz '2026-02-01 06:30+00' + pg_temp.dice(n, 19, 8000000) * interval '1 second'
  from generate_series(1, 5000) as n
  join catalog.category c on c.id = 7 + pg_temp.dice(n, 11, 18)
 cross join lateral (
       select pg_temp.pick('{Sturdy,Classic,Folding,Compact,Grand,Quiet,Painted,Hand-made,Café,Naïve,Light,Double}', n, 12) as adjective,
              pg_temp.pick('{Kettle,Knife,Lamp,Desk,Tent,Backpack,Grinder,Puzzle,Spade,Notebook,Pan,Chair,"Fountain Pen","Tea Pot"}', n, 9) as noun) as p
 order by n;

update catalog.brand b set flagship_product_id = (select min(p.id) from catalog.product p where p.brand_id = b.id);

insert into catalog.product_variant (product_id, name, gtin, colour, size, list_price, active)
select 1 + (n - 1) / 2, case n % 2 when 0 then 'standard' else 'large' end,
       case when n % 9 > 0 then to_char(4000000000000 + n * 17, 'FM0000000000000') end,
       pg_temp.pick('{white,black,oak,"forest green",terracotta,"pale blue",anthracite}', n, 21),
       row (10 + pg_temp.dice(n, 22, 900) / 10.0, 5 + pg_temp.dice(n, 23, 500) / 10.0, 1 + pg_temp.dice(n, 24, 300) / 10.0)::catalog.dimensions,
       (2 + pg_temp.dice(n, 25, 40) * (1 + pg_temp.dice(n, 26, 8))) + 0.95, n % 31 > 0
  from generate_series(1, 10000) as n
 order by n;

insert into catalog.product_category
select p.id, c.category_id
  from catalog.product p
 cross join lateral (select p.category_id union select 1 + pg_temp.dice(p.id, 27, 6)) as c;

insert into catalog.product_translation
select p.id, l.language, l.word || ' ' || split_part(p.title, ' ', 1) || ' ' || p.id
  from catalog.product p
 cross join (values ('de', 'Schöner Artikel'), ('fr', 'Bel objet'), ('pl', 'Piękny przedmiot'), ('el', 'Ωραίο αντικείμενο'), ('ja', '美しい品'))
       as l (language, word)
 where pg_temp.dice(p.id, ascii(l.language), 3) > 0;

insert into catalog.product_image (product_id, "position", thumbnail, alt)
select p.id, i, decode('89504e470d0a1a0a', 'hex') || sha256(convert_to(p.id || '/' || i, 'UTF8')), 'picture ' || i
  from catalog.product p
 cross join generate_series(1, 2) as i;

insert into catalog.supplier_product
select distinct on (supplier, p.id) supplier, p.id, 1 + pg_temp.dice(p.id, 32, 90), make_interval(days => 2 + supplier % 20), 1 + p.id % 12
  from catalog.product p
 cross join lateral (values (1 + pg_temp.dice(p.id, 30, 120)), (1 + pg_temp.dice(p.id, 31, 120))) as s (supplier);

insert into catalog.price_list values (1, 'shop', 'EUR'), (2, 'trade', 'EUR'), (3, 'Switzerland', 'CHF');

insert into catalog.price (price_list_id, variant_id, valid, price)
select l, v.id, p.valid, round(v.list_price * p.factor * (array[1, 0.8, 1.15])[l], 2)
  from catalog.product_variant v
 cross join (values (daterange('2025-01-01', '2026-01-01'), 0.95), (daterange('2026-01-01', null), 1.0)) as p (valid, factor)
 cross join generate_series(1, 3) as l
 where l = 1 and v.id <= 2500 or v.id % 40 = 0
 order by v.id, l, p.valid;

-- Rows: sales

insert into sales.customer (email, first_name, last_name, country, tier, phone, born, preferences, joined_at, updated_at)
select lower(pg_temp.pick('{anna,jan,marie,lukas,sofia,noah,emma,paul,lea,jonas,ida,felix}', n, 40)) || '.' || n || '@'
       || pg_temp.pick('{mail.example,post.example,web.example,inbox.example}', n, 41),
       pg_temp.pick('{Anna,Jürgen,Zoë,Łukasz,Søren,François,Κατερίνα,José,Chloë,Åsa,Jiří,さくら,Emma,Noah,Marie,Paul,Ida,Felix}', n, 42),
       pg_temp.pick('{Müller,Nowak,"O''Brien",Dubois,García,Lindström,Παπαδόπουλος,Dvořák,"van den Berg",Rossi,Smith,田中,Weiß,Hansen,"Sainte-Marie"}', n, 43),
       pg_temp.pick('{DE,DE,DE,DE,FR,FR,AT,NL,PL,PL,SE,ES,IT,CZ,GR,CH,GB,NO,JP,US}', n, 44),
       (enum_range(null::sales.tier))[1 + (pg_temp.dice(n, 45, 100) > 40)::integer + (pg_temp.dice(n, 45, 100) > 80)::integer
                                        + (pg_temp.dice(n, 45, 100) > 95)::integer],
       case when n % 3 > 0 then '+49 30 ' || to_char(pg_temp.dice(n, 46, 10000000), 'FM0000000') end,
       case when n % 5 > 0 then date '1940-06-15' + pg_temp.dice(n, 47, 24000) end,
       case n % 4 when 0 then '{}' when 1 then '{"newsletter": true}' when 2 then '{"language": "de", "paper": false}'
                  else '{"language": "fr", "gift wrap": {"colour": "red", "text": "Joyeux No\u00ebl \"à toi\""}}' end::jsonb,
       timestamptz '2024-12-01 08:00+00' + n * interval '19 minutes' + pg_temp.dice(n, 48, 1000) * interval '1 second',
       timestamptz '2026-06-20 02:00+00' + pg_temp.dice(n, 49, 86400) * interval '1 second'
  from generate_series(1, 40000) as n
 order by n;

insert into sales.address (customer_id, kind, street, postcode, city, country, location)
select c.id, case when k = 1 then 'delivery' else 'billing' end,
       pg_temp.pick('{Hauptstraße,Rue de la Paix,Lindenallee,High Street,Via Roma,"ul. Długa",Storgatan,Calle Mayor,Kerkstraat,Οδός Ερμού}', c.id, 50)
       || ' ' || 1 + pg_temp.dice(c.id, 51, 180),
       -- An import of 2025 brought some without.
       case when c.id % 97 = 0 then '?' when c.id % 53 > 0 then to_char(10000 + pg_temp.dice(c.id, 52, 89999), 'FM00000') end,
       pg_temp.pick('{Berlin,Paris,Wien,Kraków,Malmö,Sevilla,Torino,Brno,Αθήνα,Zürich,Bergen,京都}', c.id, 53), c.country,
       point(45 + pg_temp.dice(c.id, 54, 12000) / 1000.0, 2 + pg_temp.dice(c.id, 55, 18000) / 1000.0)
  from sales.customer c
 cross join generate_series(1, 2) as k
 where k = 1 or c.id % 8 = 0
 order by c.id, k;

-- Orders grow over 18 months: 1.3 times as many a day at the end as at the beginning.
insert into sales.order_line (order_id, line, placed_on, variant_id, quantity, unit_price, discount_percent)
select o.id, l, o.placed_on, v.id, 1 + (pg_temp.dice(o.id * 8 + l, 62, 10) > 7)::integer, v.list_price,
       case when o.placed_on between '2025-11-24' and '2025-12-01' then 20 when o.id % 17 = 0 then 7.5 else 0 end
  from (select n::bigint as id, date '2025-01-01' + floor(545 * power((n - 1) / 115000.0::float8, 0.8))::integer as placed_on
          from generate_series(1, 115000) as n) as o
 cross join lateral generate_series(1, 1 + pg_temp.dice(o.id, 60, 3) + (o.id % 4 = 0)::integer + 2 * (o.id % 5 = 0)::integer) as l
  join catalog.product_variant v on v.id = 1 + pg_temp.dice(o.id * 8 + l, 61, 10000);

insert into sales.orders (id, placed_on, placed_at, customer_id, address_id, status, channel, currency, total, note, updated_at)
select o.order_id, o.placed_on, t.placed_at,
       1 + pg_temp.dice(o.order_id, 63, 40000), case when o.order_id % 6 > 0 then 1 + pg_temp.dice(o.order_id, 64, 45000) end,
       case when pg_temp.dice(o.order_id, 65, 50) = 0 then 'cancelled'
            when o.order_id > 114800 then 'placed' when o.order_id > 114500 then 'paid'
            when o.order_id > 114200 then 'packed' when o.order_id > 112500 then 'shipped'
            when pg_temp.dice(o.order_id, 66, 40) = 0 then 'returned' else 'delivered' end::sales.order_status,
       pg_temp.pick('{web,web,web,app,app,phone,store}', o.order_id, 67),
       case when o.order_id % 19 = 0 then 'CHF' else 'EUR' end, o.total,
       case when o.order_id % 211 = 0 then E'Please ring twice.\n\tThe bell is "hidden"; see photo \\ plan.' when o.order_id % 101 = 0 then '' end,
       t.placed_at + interval '3 days'
  from (select order_id, placed_on, sum(net) as total from sales.order_line group by order_id, placed_on) as o
 cross join lateral (select o.placed_on + interval '7 hours' + pg_temp.dice(o.order_id, 68, 54000) * interval '1 second' as placed_at) as t
 order by o.order_id;

insert into sales.payment_method values
    ('card', 'Credit card', 1.4), ('invoice', 'Rechnung', 0.3), ('paypal', 'PayPal', 2.49), ('sepa', 'SEPA direct debit', 0.1),
    ('gift', 'Gift card', 0);

insert into sales.payment (order_id, placed_on, method, amount, reference, paid_at)
select id, placed_on, pg_temp.pick('{card,card,card,paypal,paypal,invoice,sepa,gift}', id, 70), total,
       md5('payment ' || id)::uuid, placed_at + pg_temp.dice(id, 71, 4000) * interval '1 minute'
  from sales.orders
 where status not in ('placed', 'cancelled')
 order by id;

insert into sales.refund (payment_id, amount, reason, refunded_at)
select p.id, round(p.amount / (1 + p.id % 2), 2), pg_temp.pick('{returned,damaged,"too late","changed mind"}', p.id, 72), p.paid_at + interval '12 days'
  from sales.payment p
  join sales.orders o on o.id = p.order_id and o.placed_on = p.placed_on
 where o.status = 'returned';

insert into sales.cart (id, customer_id, created_at, expires)
select md5('cart ' || n)::uuid, case when n % 3 > 0 then 1 + pg_temp.dice(n, 73, 40000) end,
       timestamptz '2026-06-01 00:00+00' + n * interval '5 minutes', make_interval(days => 7 + n % 30, hours => n % 5)
  from generate_series(1, 8000) as n;

insert into sales.cart_item
select md5('cart ' || n)::uuid, 1 + (n * 37 + i * 101) % 10000, 1 + n % 3
  from generate_series(1, 8000) as n
 cross join generate_series(1, 2) as i;

insert into sales.coupon values
    ('WELCOME10', '[2025-01-01 00:00+00,)', '[10,10]', null, null),
    ('BLACKWEEK', '[2025-11-24 00:00+01,2025-12-01 00:00+01)', '[20,35)', '{7,8,9}', null),
    ('SPRING', '[2026-03-20 00:00+00,2026-04-20 00:00+00]', '(5,15]', '{11,12,13}', null),
    ('NEVER', 'empty', 'empty', '{}', null);

insert into sales.coupon_redemption
select case when placed_on between '2025-11-24' and '2025-12-01' then 'BLACKWEEK' else 'WELCOME10' end, id, placed_on
  from sales.orders
 where id % 17 = 0;

insert into sales.gift_card (code_hash, balance, owner_id, pin_attempts)
select sha256(convert_to('gift ' || n, 'UTF8')), 10 * (n % 11), case when n % 4 > 0 then 1 + pg_temp.dice(n, 74, 40000) end,
       (array[b'000', b'001', b'011'])[1 + n % 3]
  from generate_series(1, 2500) as n;

insert into sales.newsletter
select email, array['offers', case when id % 2 = 0 then 'garden' else 'kitchen & "table"' end],
       case when id % 5 = 0 then '2001:db8::' || to_hex(id % 65536) else '198.51.100.' || id % 256 end::inet,
       case when id % 50 > 0 then joined_at + interval '90 seconds' end
  from sales.customer
 where preferences ? 'newsletter';

insert into sales.return_request (order_id, placed_on, line, reason, photos, requested_at)
select id, placed_on, 1, pg_temp.pick('{"does not fit",damaged,"not as shown",gift}', id, 75),
       case when id % 4 = 0 then array[decode('ffd8ffe0', 'hex') || sha256(convert_to(id::text, 'UTF8')), null, '\x'] end,
       placed_at + interval '9 days'
  from sales.orders
 where status = 'returned';

insert into sales.exchange_rate
select c.code, day::date, c.rate * (1 + 0.03 * sin(extract(doy from day)::float8 / 29))
  from (values ('CHF', 0.94::float8), ('GBP', 0.85), ('PLN', 4.27), ('SEK', 11.3), ('USD', 1.08), ('JPY', 162.0)) as c (code, rate)
 cross join generate_series(timestamp '2025-01-01', '2026-06-30', '1 day') as day;

-- Rows: ops

insert into ops.warehouse values
    (1, 'Leipzig', '(51.34,12.37)', '<(51.34,12.37),6>', '{[2025-01-01,2025-12-24),[2025-12-27,)}'),
    (2, 'Lyon', '(45.76,4.83)', '<(45.76,4.83),5.5>', '{[2025-03-01,)}'),
    (3, 'Poznań', '(52.41,16.93)', '<(52.41,16.93),4>', '{}');

insert into ops.bin (warehouse_id, code, capacity)
select w, chr(64 + w) || to_char(n, 'FM0000'), int4range(0, 20 + n % 200)
  from generate_series(1, 3) as w
 cross join generate_series(1, 800) as n;

insert into ops.stock
select w, v, pg_temp.dice(v * 3 + w, 80, 90) - (v % 400 = 0)::integer * 95, 5 + v % 10,
       timestamptz '2026-06-28 20:00+00' - pg_temp.dice(v * 3 + w, 81, 600000) * interval '1 second'
  from generate_series(1, 3) as w
 cross join generate_series(1, 10000) as v
 where w = 1 or pg_temp.dice(v, 82, 2) = w - 2;

insert into ops.stock_movement (warehouse_id, variant_id, kind, quantity, moved_at, order_id)
select 1 + order_id % 3, variant_id, 'sale', -quantity, placed_on + interval '20 hours' + line * interval '1 minute', order_id
  from sales.order_line
 where order_id % 3 = 0
 order by order_id, line;
insert into ops.stock_movement (warehouse_id, variant_id, kind, quantity, moved_at)
select 1 + n % 3, 1 + pg_temp.dice(n, 83, 10000), (array['purchase', 'purchase', 'return', 'transfer', 'count', 'loss'])[1 + n % 6]::ops.movement,
       case n % 6 when 5 then -1 else 1 + pg_temp.dice(n, 84, 60) end, timestamptz '2025-01-02 05:00+00' + n * interval '26 minutes'
  from generate_series(1, 30000) as n;

insert into ops.carrier (name, tracking_url, pickup) values
    ('Post', 'https://post.example/t/%s', '16:30+01'), ('Kurier Süd', 'https://kurier.example/?nr=%s', '18:00+02'),
    ('Bike!', null, null), ('Freight & Sons', 'https://freight.example/%s?lang=de&fmt=html', '06:15-03:30');

insert into ops.shipment (order_id, placed_on, carrier_id, warehouse_id, tracking, weight_kg, shipped_at, delivered_at)
select id, placed_on, 1 + pg_temp.dice(id, 85, 4), 1 + id % 3, upper(substr(md5('parcel ' || id), 1, 14)),
       0.2 + pg_temp.dice(id, 86, 3000) / 100.0, placed_at + interval '1 day',
       case when status <> 'shipped' then placed_at + interval '1 day' + pg_temp.dice(id, 87, 130) * interval '1 hour' end
  from sales.orders
 where status in ('shipped', 'delivered', 'returned') and id % 2 = 0
 order by id;

insert into ops.dock_booking (warehouse_id, dock, during, carrier_id)
select w, d, tstzrange(t, t + interval '45 minutes'), 1 + (w + d) % 4
  from generate_series(1, 3) as w
 cross join generate_series(1, 4) as d
 cross join generate_series(timestamptz '2026-06-01 06:00+00', '2026-06-28 18:00+00', '6 hours') as t;

insert into ops.department values (1, 'Direction', 1), (2, 'Warehouse', 2), (3, 'Customer service', 3), (4, 'Purchasing', 4), (5, 'IT', 5);

insert into ops.employee (department_id, name, hired, salary, badge, shifts)
select case when n <= 5 then n else 2 + pg_temp.dice(n, 90, 4) end,
       pg_temp.pick('{Grete,Omar,Yuki,Pierre,Zofia,Ingrid,Ahmed,Lucía}', n, 91) || ' ' || pg_temp.pick('{Brandt,Haddad,Sato,Moreau,Wójcik,Berg,Khan,Vega}', n, 92),
       date '2018-01-01' + pg_temp.dice(n, 93, 2900), (2400 + 10 * pg_temp.dice(n, 94, 300))::money,
       ('08:00:2b:' || to_char(n / 100, 'FM00') || ':' || to_char(n % 100, 'FM00') || ':aa')::macaddr,
       tstzmultirange(tstzrange('2026-06-01 06:00+00', '2026-06-01 14:00+00'), tstzrange('2026-06-02 14:00+00', '2026-06-02 22:00+00'))
  from generate_series(1, 180) as n;

-- Some of those who wrote the log have left; their rows were deleted, the log was not.
insert into ops.audit_log (happened_at, employee_id, table_name, action, before, after)
select timestamptz '2026-01-01 00:00+00' + n * interval '9 minutes', 1 + pg_temp.dice(n, 95, 190), 'catalog.price',
       (array['U', 'U', 'I', 'D'])[1 + n % 4]::"char",
       case when n % 4 <> 2 then jsonb_build_object('price', (n % 900) / 10.0) end,
       case when n % 4 <> 3 then jsonb_build_object('price', (n % 910) / 10.0, 'by', 'import "monthly"') end
  from generate_series(1, 20000) as n;
insert into ops.audit_log_2025 (happened_at, employee_id, table_name, action, before)
select timestamptz '2025-01-01 00:00+00' + n * interval '55 minutes', 1 + pg_temp.dice(n, 96, 150), 'ops.stock', 'U', jsonb_build_object('quantity', n % 50)
  from generate_series(1, 8000) as n;

insert into ops.setting values
    ('shop.name', '"Kontor & Garten"'), ('shop.vat', '{"included": true, "rounding": 0.01}'), ('mail.footer', '"Grüße aus Leipzig\n— das Team 🌿"'),
    ('limits', '[1, 2.50, 1e3, null, {"deep": {"deeper": []}}]');

insert into ops.job_queue (task, payload, run_at)
select 'mail.' || pg_temp.pick('{invoice,reminder,"thank you"}', n, 97), jsonb_build_object('order', 114000 + n), timestamptz '2026-06-30 03:00+00' + n * interval '2 seconds'
  from generate_series(1, 900) as n;

insert into ops.page_view_daily
select day::date, '/' || c.code || case when p > 0 then '/' || p else '' end, 40 + pg_temp.dice(extract(epoch from day)::bigint + c.id, p, 4000), 20 + pg_temp.dice(c.id + p, 98, 900)
  from generate_series(timestamp '2025-07-01', '2026-06-30', '1 day') as day
 cross join catalog.category c
 cross join generate_series(0, 9) as p;

insert into catalog.review (product_id, customer_id, rating, body, helpful, written_at)
select 1 + pg_temp.dice(n, 100, 5000), 1 + pg_temp.dice(n, 101, 40000), 1 + greatest(pg_temp.dice(n, 102, 5), pg_temp.dice(n, 103, 5)),
       case when n % 6 > 0 then
            pg_temp.pick('{Works well.,Très bien !,"Bin zufrieden, gern wieder.","Arrived late, but good.",Świetny.,"Never again...",最高です,"5* would buy again"}', n, 104)
            || case when n % 50 = 0 then E'\n\nEdit: after ' || n % 24 || ' months still fine.' else '' end end,
       pg_temp.dice(n, 105, 30), timestamptz '2025-02-01 12:00+00' + n * interval '29 minutes'
  from generate_series(1, 25000) as n;

-- Invoices as large objects: what the printing house delivers. Most are small; one a hundred is a scan.
insert into sales.invoice (number, order_id, placed_on, document, checksum, issued_at)
select 'R-' || to_char(o.id, 'FM00000000'), o.id, o.placed_on,
       lo_from_bytea((700000 + row_number() over (order by o.id))::oid, d.bytes), sha256(d.bytes), o.placed_at + interval '1 day'
  from sales.orders o
 cross join lateral (
       select convert_to(E'%PDF-1.4\nInvoice ' || o.id || E'\nTotal ' || o.total || ' ' || o.currency || E'\n'
                         || repeat('Thank you for your order. ', 20 + pg_temp.dice(o.id, 110, 60)), 'UTF8')
              || case when o.id % 50000 = 0 then decode(repeat('00ff5c0a', 40000), 'hex') else '\x' end as bytes) as d
 where o.id % 500 = 0 and o.status <> 'cancelled';

do $documents$
declare
    document oid;
    number text;
begin
    for document, number in select i.document, i.number from sales.invoice i
    loop
        execute format('grant select on large object %s to shop_support', document);
        if document::bigint % 10 = 0 then
            execute format('comment on large object %s is %L', document, 'invoice ' || number);
            execute format('grant select, update on large object %s to shop_app', document);
        end if;
    end loop;
end
$documents$;

select setval(pg_get_serial_sequence('sales.orders', 'id'), 115000);

----------------------------------------------------------------------------------------------------------------------
-- Keys and checks

alter table public.schema_version add primary key (version);
alter table public.country add primary key (code);
alter table public.currency add primary key (code);
alter table catalog.category add primary key (id), add unique (code),
    add foreign key (parent_id) references catalog.category on delete cascade;
alter table catalog.brand add primary key (id), add constraint brand_name_key unique (name);
alter table catalog.supplier add primary key (id), add foreign key (country) references public.country;
alter table catalog.product add primary key (id), add constraint product_sku_key unique (sku),
    add foreign key (brand_id) references catalog.brand, add foreign key (category_id) references catalog.category;
-- Each brand has a flagship, each product a brand: one of the two has to wait until the end of the transaction.
alter table catalog.brand add constraint brand_flagship foreign key (flagship_product_id) references catalog.product
    on delete set null deferrable initially deferred;
alter table catalog.product_variant add primary key (id), add unique (gtin),
    add foreign key (product_id) references catalog.product on delete cascade;
alter table catalog.product_category add primary key (product_id, category_id),
    add foreign key (product_id) references catalog.product on delete cascade,
    add foreign key (category_id) references catalog.category;
alter table catalog.product_translation add primary key (product_id, language),
    add foreign key (product_id) references catalog.product on delete cascade;
alter table catalog.product_image add primary key (id),
    add constraint one_image_a_place unique (product_id, "position") deferrable initially immediate,
    add foreign key (product_id) references catalog.product;
alter table catalog.supplier_product add primary key (supplier_id, product_id) include (purchase_price),
    add foreign key (supplier_id) references catalog.supplier, add foreign key (product_id) references catalog.product;
alter table catalog.price_list add primary key (id), add foreign key (currency) references public.currency;
alter table catalog.price add primary key (id),
    add foreign key (price_list_id) references catalog.price_list, add foreign key (variant_id) references catalog.product_variant,
    -- One price a day: a number as a range of one, since an index of the kind gist has no = for numbers of its own.
    add constraint one_price_a_day exclude using gist (
        int4range(variant_id, variant_id, '[]') with &&, int4range(price_list_id, price_list_id, '[]') with &&, valid with &&);
alter table catalog.attribute_definition add primary key (key);

alter table sales.customer add primary key (id), add constraint customer_email_key unique (email),
    add foreign key (country) references public.country,
    add constraint customer_is_born_before_joining check (born < joined_at::date) no inherit not valid;
alter table sales.address add primary key (id), add foreign key (customer_id) references sales.customer on delete cascade,
    add constraint address_kind check (kind in ('delivery', 'billing')),
    -- What came with the import of 2025 stays as it is; nothing new of that kind comes in.
    add constraint address_postcode check (postcode ~ '^[0-9A-Z -]{3,10}$') not valid;
alter table catalog.review add primary key (id), add constraint review_rating check (rating between 1 and 5),
    add foreign key (product_id) references catalog.product, add foreign key (customer_id) references sales.customer;
alter table sales.orders add primary key (id, placed_on),
    add foreign key (customer_id) references sales.customer, add foreign key (address_id) references sales.address on delete set null,
    add foreign key (currency) references public.currency, add constraint orders_channel check (channel in ('web', 'app', 'phone', 'store'));
alter table sales.order_line add primary key (order_id, line),
    add constraint order_line_quantity check (quantity > 0),
    add constraint order_line_order foreign key (order_id, placed_on) references sales.orders on delete cascade,
    add constraint order_line_variant foreign key (variant_id) references catalog.product_variant;
alter table sales.payment_method add primary key (code);
alter table sales.payment add primary key (id), add foreign key (method) references sales.payment_method on update cascade,
    add constraint payment_order foreign key (order_id, placed_on) references sales.orders;
alter table sales.refund add primary key (id), add foreign key (payment_id) references sales.payment;
alter table sales.invoice add primary key (number), add unique (document),
    add foreign key (order_id, placed_on) references sales.orders;
alter table sales.cart add primary key (id), add foreign key (customer_id) references sales.customer on delete set null;
alter table sales.cart_item add primary key (cart_id, variant_id), add foreign key (cart_id) references sales.cart on delete cascade,
    add foreign key (variant_id) references catalog.product_variant;
alter table sales.coupon add primary key (code);
alter table sales.coupon_redemption add primary key (coupon, order_id), add foreign key (coupon) references sales.coupon,
    add foreign key (order_id, placed_on) references sales.orders match full deferrable initially immediate;
alter table sales.gift_card add primary key (id), add foreign key (owner_id) references sales.customer;
alter table sales.newsletter add primary key (email);
alter table sales.return_request add primary key (id), add foreign key (order_id, line) references sales.order_line;
alter table sales.exchange_rate add primary key (currency, day), add foreign key (currency) references public.currency;

alter table ops.warehouse add primary key (id),
    add constraint warehouses_do_not_overlap exclude using gist (circle(location, 0.5) with &&);
alter table ops.bin add primary key (id), add unique (warehouse_id, code), add foreign key (warehouse_id) references ops.warehouse;
alter table ops.stock add primary key (warehouse_id, variant_id), add foreign key (warehouse_id) references ops.warehouse,
    add foreign key (variant_id) references catalog.product_variant,
    -- Counting finds what cannot be; it is corrected, not hidden.
    add constraint stock_not_negative check (quantity >= 0) not valid;
alter table ops.stock_movement add primary key (id), add foreign key (warehouse_id, variant_id) references ops.stock not valid;
alter table ops.carrier add primary key (id);
alter table ops.shipment add primary key (id), add foreign key (carrier_id) references ops.carrier,
    add foreign key (warehouse_id) references ops.warehouse, add foreign key (order_id, placed_on) references sales.orders;
alter table ops.dock_booking add primary key (id), add foreign key (carrier_id) references ops.carrier,
    add constraint one_truck_a_dock exclude using gist (
        box(point(warehouse_id, dock), point(warehouse_id, dock)) with &&, during with &&) deferrable initially deferred;
alter table ops.department add primary key (id);
alter table ops.employee add primary key (id),
    add constraint employee_department foreign key (department_id) references ops.department deferrable initially deferred;
alter table ops.department add constraint department_manager foreign key (manager_id) references ops.employee deferrable initially deferred;
alter table ops.audit_log add primary key (id), add constraint audit_log_employee foreign key (employee_id) references ops.employee not valid;
alter table ops.setting add primary key (name);
alter table ops.job_queue add primary key (id);
alter table ops.page_view_daily add primary key (day, path);

-- Indexes and statistics

create index category_parent on catalog.category (parent_id) where parent_id is not null;
create index product_search on catalog.product using gin (search);
create index product_tags on catalog.product using gin (tags);
create index product_attributes on catalog.product using gin (attributes jsonb_path_ops) with (fastupdate = off);
create unique index product_slug on catalog.product (slug, id) where not discontinued;
create index product_title_pattern on catalog.product (lower(title) text_pattern_ops);
create index variant_product on catalog.product_variant using hash (product_id);
create index price_variant on catalog.price (variant_id) include (price);
create index review_product on catalog.review (product_id, written_at desc nulls last);
create index customer_name on sales.customer (last_name collate "C", first_name) ;
create index customer_upper_email on sales.customer ((upper(email)), (preferences ->> 'language'));
alter index sales.customer_upper_email alter column 1 set statistics 400;
create index address_customer on sales.address (customer_id) with (fillfactor = 80);
create index address_location on sales.address using spgist (location);
create index orders_customer on sales.orders (customer_id);
create index orders_open on sales.orders (status, placed_on) where status in ('placed', 'paid', 'packed');
create index order_line_variant on sales.order_line (variant_id);
create index payment_order on sales.payment (order_id);
create index payment_paid on sales.payment using brin (paid_at) with (pages_per_range = 16);
create index movement_variant on ops.stock_movement (variant_id, moved_at);
create index audit_happened on ops.audit_log using brin (happened_at);
create index audit_2025_happened on ops.audit_log_2025 using brin (happened_at);
alter table ops.page_view_daily cluster on page_view_daily_pkey;
alter table sales.newsletter replica identity full;
alter table sales.customer replica identity using index customer_email_key;

create statistics sales.orders_status_channel (dependencies, ndistinct, mcv) on status, channel from sales.orders;
create statistics catalog.product_released_month on (date_part('year', released)), category_id from catalog.product;
alter statistics sales.orders_status_channel set statistics 300;
comment on statistics sales.orders_status_channel is 'phone orders are seldom cancelled';

----------------------------------------------------------------------------------------------------------------------
-- Functions and procedures

create function catalog.price_on(variant integer, day date, list smallint default 1) returns numeric
    language sql stable parallel safe
    as $$ select price from catalog.price p where p.variant_id = variant and p.price_list_id = list and p.valid @> day $$;

create function sales.full_name(customer sales.customer) returns text
    language sql immutable
    begin atomic
        select (customer).first_name || ' ' || (customer).last_name;
    end;

create function sales.order_total(wanted bigint, out lines integer, out total numeric) returns record
    language sql stable
    begin atomic
        select count(*)::integer, sum(l.net) from sales.order_line l where l.order_id = wanted;
    end;

create function sales.open_orders(channels text[] default '{web,app}') returns setof sales.orders
    language sql stable rows 500
    as $$ select * from sales.orders where status in ('placed', 'paid', 'packed') and channel = any (channels) $$;

create function sales.last_state(state anyelement, value anyelement) returns anyelement
    language sql immutable
    as 'select coalesce(value, state)';
create aggregate sales.last_of(anyelement) (sfunc = sales.last_state, stype = anyelement);
comment on aggregate sales.last_of(anyelement) is 'the last value that is not null, in the order of the query';

create function ops.touch() returns trigger
    language plpgsql
    as $$
begin
    new.updated_at := clock_timestamp();
    return new;
end
$$;

create function ops.write_audit() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    as $$
begin
    insert into ops.audit_log (happened_at, table_name, action, before, after)
    values (clock_timestamp(), tg_table_schema || '.' || tg_table_name, left(tg_op, 1)::"char",
            case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
    return null;
end
$$;

create function ops.apply_movements() returns trigger
    language plpgsql
    as $$
begin
    insert into ops.stock (warehouse_id, variant_id, quantity)
    select warehouse_id, variant_id, sum(quantity) from moved group by warehouse_id, variant_id
    on conflict (warehouse_id, variant_id) do update set quantity = ops.stock.quantity + excluded.quantity;
    return null;
end
$$;

create function sales.check_paid() returns trigger
    language plpgsql
    as $$
begin
    if new.status = 'shipped' and not exists (select from sales.payment p where p.order_id = new.id) then
        raise exception 'order % leaves unpaid', new.id using errcode = 'check_violation', hint = 'record the payment first';
    end if;
    return new;
end
$$;

create procedure sales.place_order(in customer integer, in variants integer[], inout order_number bigint default null)
    language plpgsql
    as $$
declare
    today constant date := current_date;
begin
    insert into sales.orders (placed_on, placed_at, customer_id, status, total)
    select today, now(), customer, 'placed', sum(v.list_price) from catalog.product_variant v where v.id = any (variants)
    returning id into order_number;
    insert into sales.order_line (order_id, line, placed_on, variant_id, quantity, unit_price)
    select order_number, row_number() over (), today, v.id, 1, v.list_price
      from catalog.product_variant v
     where v.id = any (variants);
end
$$;
comment on procedure sales.place_order(integer, integer[], bigint) is 'one of each; the shop''s own checkout does more';

create trigger product_touch before update on catalog.product for each row when (old.title is distinct from new.title or old.attributes <> new.attributes) execute function ops.touch();
create trigger customer_touch before update on sales.customer for each row execute function ops.touch();
create trigger orders_touch before update on sales.orders for each row execute function ops.touch();
create trigger price_audit after insert or update or delete on catalog.price for each row execute function ops.write_audit();
create trigger gift_card_audit after update of balance on sales.gift_card for each row execute function ops.write_audit();
create trigger movement_applies after insert on ops.stock_movement referencing new table as moved for each statement execute function ops.apply_movements();
create constraint trigger orders_paid after update of status on sales.orders deferrable initially deferred for each row execute function sales.check_paid();
comment on trigger price_audit on catalog.price is 'the auditors ask for it every spring';
alter table sales.gift_card disable trigger gift_card_audit;
alter table ops.stock_movement enable always trigger movement_applies;

----------------------------------------------------------------------------------------------------------------------
-- Views

create view catalog.current_price as
    select p.variant_id, p.price_list_id, p.price
      from catalog.price p
     where p.valid @> date '2026-06-30';

create view catalog.storefront with (security_barrier = true) as
    select v.id as variant_id, p.sku, p.title, v.colour, coalesce(c.price, v.list_price) as price, p.search
      from catalog.product p
      join catalog.product_variant v on v.product_id = p.id
      left join catalog.current_price c on c.variant_id = v.id and c.price_list_id = 1
     where v.active and not p.discontinued;

create view sales.order_summary as
    select o.id, o.placed_on, o.customer_id, o.status, o.total, count(l.*) as lines, sum(l.quantity) as pieces
      from sales.orders o
      join sales.order_line l on l.order_id = o.id and l.placed_on = o.placed_on
     group by o.id, o.placed_on;

create view sales.customer_value as
    select c.id, c.email, c.tier, sales.full_name(c) as name, sum(s.total) filter (where s.status = 'delivered') as turnover, max(s.placed_on) as last_order
      from sales.customer c
      left join sales.order_summary s on s.customer_id = c.id
     group by c.id;

create view sales.best_customers as
    select *, rank() over (partition by tier order by turnover desc nulls last) as place from sales.customer_value;

create view sales.german_customer as
    select * from sales.customer where country = 'DE' with local check option;

create recursive view catalog.category_path (id, path) as
    select id, name from catalog.category where parent_id is null
    union all
    select c.id, p.path || ' > ' || c.name from catalog.category c join category_path p on p.id = c.parent_id;

create view ops.low_stock as
    select s.warehouse_id, f.sku, f.title, s.quantity from ops.stock s join catalog.storefront f on f.variant_id = s.variant_id where s.quantity < s.reorder_at;

create materialized view sales.monthly_revenue as
    select date_trunc('month', placed_on)::date as month, channel, currency, count(*) as orders, sum(total) as revenue
      from sales.orders
     where status not in ('cancelled', 'returned')
     group by 1, 2, 3;
create unique index monthly_revenue_key on sales.monthly_revenue (month, channel, currency);

create materialized view sales.yearly_revenue as
    select date_trunc('year', month)::date as year, sum(revenue) as revenue from sales.monthly_revenue where currency = 'EUR' group by 1;

create materialized view sales.forecast as
    select month + interval '1 year' as month, channel, revenue * 1.3 as expected from sales.monthly_revenue
    with no data;

create view ops.contact as select e.id, e.name, d.name as department from ops.employee e join ops.department d on d.id = e.department_id;
create function ops.rename_contact() returns trigger
    language plpgsql
    as $$
begin
    update ops.employee set name = new.name where id = old.id;
    return new;
end
$$;
create trigger contact_rename instead of update on ops.contact for each row execute function ops.rename_contact();
create rule setting_stays as on delete to ops.setting where (old.name like 'shop.%') do instead nothing;

comment on view sales.customer_value is 'what a customer is worth; the reporting tool reads it';
comment on materialized view sales.monthly_revenue is 'refreshed every night';
comment on materialized view sales.forecast is 'filled in the second week of December';

-- Row-level security

alter table sales.customer enable row level security;
create policy customer_app on sales.customer to shop_app using (true) with check (true);
create policy customer_support on sales.customer for select to shop_support
    using (country = current_setting('shop.country', true));
create policy customer_not_gold on sales.customer as restrictive for update to shop_support using (tier <> 'gold');
alter table sales.gift_card enable row level security;
alter table sales.gift_card force row level security;
create policy gift_card_owner on sales.gift_card to shop_owner, shop_app using (balance > 0) with check (balance <= 500);
comment on policy customer_support on sales.customer is 'a desk helps the customers of its own country';

-- Comments

comment on table sales.orders is 'one row for each order; a partition for each month';
comment on column sales.orders.placed_on is 'in the shop''s own time zone; part of the key because it decides the partition';
comment on table sales.order_line is 'what was ordered; spread over four tables by the order';
comment on column sales.gift_card.code_hash is 'SHA-256; the code itself is on the card only';
comment on table ops.audit_log_2025 is E'archive, written by hand\nsee the note of 7 January';
comment on constraint one_price_a_day on catalog.price is 'two prices on one day were the bug of March 2025';
comment on index catalog.product_search is 'the search box';
comment on sequence sales.orders_id_seq is 'also printed on parcels';
comment on domain public.email_address is 'not the whole of RFC 5322';
comment on constraint looks_like_one on domain public.email_address is 'good enough';
comment on rule setting_stays on ops.setting is 'the name of the shop is not to be deleted';

-- Grants

grant usage on schema catalog, sales to shop_app, shop_report, shop_support;
grant usage on schema ops to shop_app;
grant select, insert, update, delete on all tables in schema sales to shop_app;
grant select on all tables in schema catalog, public to shop_app, shop_report;
grant select, insert on ops.stock_movement to shop_app;
grant update (quantity, counted_at) on ops.stock to shop_app;
grant usage, select on all sequences in schema sales, ops to shop_app;
grant select (id, country, tier, joined_at) on sales.customer to shop_report;
grant select on sales.customer, sales.address, sales.order_summary to shop_support with grant option;
revoke select on sales.gift_card from shop_report;
revoke all on sales.payment from shop_report;
grant execute on function catalog.price_on(integer, date, smallint) to public;
grant execute on procedure sales.place_order(integer, integer[], bigint) to shop_app;
revoke usage on type sales.tier from public;
grant usage on type sales.tier to shop_app, shop_report, shop_support;

set constraints all immediate;

create publication shop_feed for table sales.orders, catalog.product (id, sku, title), catalog.price where (price_list_id = 1)
    with (publish = 'insert, update, delete', publish_via_partition_root = true);

reset role;
reset client_min_messages;
reset check_function_bodies;
reset default_tablespace;
reset timezone;
reset datestyle;
reset work_mem;
reset maintenance_work_mem;
reset synchronous_commit;
reset jit;
