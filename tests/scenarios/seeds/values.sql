-- Values that change when they are read and written carelessly.

create table public.numbers (id integer primary key, f float8, r real, n numeric, d numeric(1000, 500), i bigint, s smallint, m money, o oid);
insert into public.numbers values
    (1, 'NaN', 'NaN', 'NaN', 0, -9223372036854775808, -32768, '-92233720368547758.08', 4294967295),
    (2, 'Infinity', '-Infinity', 1e-300, 1, 9223372036854775807, 32767, '0', 0),
    (3, '-0', '-0', 0.000, -1, 0, 0, null, 1),
    (4, 4.9406564584124654e-324, 1.401298e-45, 12345678901234567890.123456789012345678901234567890, 0.1, 1, 1, '0.01', 2),
    (5, 1.7976931348623157e308, 3.4028235e38, 1e500, 0, -1, -1, '1', 3),
    (6, 0.1::float8 + 0.2, 0.1::real, 100.00, 0, 0, 0, '2', 4),
    (7, 1 / 3::float8, 1 / 3::real, 1.10, 0, 0, 0, '3', 5);
insert into public.numbers (id, n, f) select 100 + n, (repeat('9', n * 50) || '.' || repeat('1', n * 30))::numeric, exp(n * 3.7) from generate_series(1, 60) as n;

create table public.times (id integer primary key, d date, t time, tz timetz, ts timestamp, tstz timestamptz, i interval);
insert into public.times values
    (1, '4713-01-01 BC', '00:00', '00:00+15:59', '4713-01-01 00:00:00 BC', '4713-01-02 00:00:00+00 BC', '-178000000 years'),
    (2, '5874897-12-31', '24:00:00', '24:00:00-15:59', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '178000000 years'),
    (3, 'infinity', '23:59:59.999999', '12:00:00.000001+05:45', 'infinity', '-infinity', '1 mon -1 days +00:00:00.000001'),
    (4, '-infinity', '01:00', '01:00', '0001-12-31 23:59:59 BC', '2026-10-25 00:30:00+00', '-1 mons +40 days -25:00:00'),
    (5, '2000-02-29', null, null, '1582-10-10 00:00', '1883-11-18 12:03:58-04:56:02', '0');

create table public.texts (id integer primary key, t text, v varchar(10), c char(10), n name, q "char");
insert into public.texts values
    (1, '', '', '', '', ''), (2, ' ', '   ', 'x  ', 'name', 'a'), (3, '\N', '\N', '\.', '\.', '\'), (4, E'\t\n\r\x01\x7f\x0b', E'\t', E'\n', E'a\nb', E'\x01'),
    (5, E'\\\\N\\t\\', 'NULL', 'null', 'NULL', ' '), (6, E'\.\n\\.\n', '.', '.', '.', '.'), (7, '🌿é漢字' || U&'e\0301' || chr(1114111), '🌿', '漢', 'é', 'e'),
    (8, repeat('ab' || chr(10), 700000), null, null, null, null), (9, E'"a","b"\r\n', ',', '"', '''', ','), (10, chr(65279) || 'bom' || chr(8238) || 'rtl', '$1', '%s', '{}', '%');
insert into public.texts select 100 + n, string_agg(md5(n || '/' || i), '' order by i) from generate_series(1, 20) as n, generate_series(1, 1500) as i group by n;

create table public.bytes (id integer primary key, b bytea, bit bit(5), varbit bit varying);
insert into public.bytes values (1, '', b'00000', b''), (2, '\x00', b'11111', b'1');
insert into public.bytes select 3, string_agg(decode(lpad(to_hex(n), 2, '0'), 'hex'), '' order by n), null, repeat('10', 5000)::bit varying from generate_series(0, 255) as n;
insert into public.bytes select 10, decode(repeat('5c4e0a5c2e0a00ff', 800000), 'hex');

create table public.arrays (id integer primary key, a integer[], t text[], b integer[], e text[][], p point[], j jsonb[]);
insert into public.arrays values
    (1, '{}', '{}', '[2:4]={1,2,3}', '{}', '{}', '{}'), (2, '{NULL}', '{NULL,"NULL","",","," ","\"","\\","{}"}', '[-1:0][5:6]={{1,2},{3,NULL}}', '{{a,b},{c,d}}', '{"(1,2)"}', array['{"a": "\\"}'::jsonb, null]),
    (3, null, array[E'\n', E'\t'], '[0:0]={7}', null, null, null);
create table public.documents (id integer primary key, j json, b jsonb, p jsonpath);
insert into public.documents values
    (1, '{"a" : 1.0, "a":2,   "b":[ ]}', '{"a": 1.0, "a": 2.00, "b": []}', '$.a[*] ? (@ > 1)'), (2, 'null', 'null', 'strict $'), (3, '"\u0000\ud83c\udf3f"', '"\ud83c\udf3f \\ \" \t"', '$."it''s"'),
    (4, ' [1e1000] ', '[1e300, -0.0, 1E-3, 100000000000000000000000000000000000001]', 'lax $[*]');
create table public.shapes (id integer primary key, p point, l line, s lseg, b box, c circle, h path, g polygon);
insert into public.shapes values
    (1, '(NaN,Infinity)', '{1,2,3}', '[(0,0),(1e-300,1e300)]', '(1,1),(0,0)', '<(0,0),0>', '[(0,0)]', '((0,0),(1,1),(2,0))'), (2, '(-0,0.1)', '{0.1,-1,0}', '[(0.1,0.2),(0.3,0.4)]', '(0.3,0.4),(0.1,0.2)', '<(0.1,0.2),0.3>', '((0,0),(1,1))', '((0.1,0.2))');
create table public.others (id integer primary key, ip inet, net cidr, mac macaddr, mac8 macaddr8, u uuid, v tsvector, q tsquery, x xid, cc cid, tt tid, l pg_lsn, s txid_snapshot, iv int2vector, ov oidvector, a aclitem[], rc refcursor);
insert into public.others values
    (1, '::ffff:1.2.3.4/96', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:ff:fe:01:02:03', '00000000-0000-0000-0000-000000000000', '''it''''s'':1A,2B ''\\'':3 a', '''it''''s'' <-> b:*A & !c', '4294967295', '7', '(4294967295,65535)', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', '1 2 3', '4 5', null, 'cursor'),
    (2, '0.0.0.0/0', '::/0', null, null, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '', '', '0', '0', '(0,0)', '0/0', '1:1:', '', '', '{}', '');
create table public.names_of_things (id integer primary key, c regclass, t regtype, p regproc, pr regprocedure, o regoper, op regoperator, f regconfig, d regdictionary);
insert into public.names_of_things values (1, 'public.others', 'public.others[]', 'pg_catalog.now', 'pg_catalog.lower(text)', 'pg_catalog.||/', 'pg_catalog.+(integer,integer)', 'english', 'simple'), (2, 0, 0, 0, 0, 0, 0, 0, 0);
create table public.ranges (id integer primary key, i int4range, n numrange, d daterange, t tstzrange, a int8range[]);
insert into public.ranges values (1, 'empty', 'empty', '(,)', '[-infinity,infinity]', '{"[1,2)",empty,"(,5]"}'), (2, '[1,5]', '(1.50,2.5000]', '[2026-01-01,infinity)', '(,"2026-01-01 00:00:00+00"]', null);
create type public.row_type as (a text, b public.numbers, c integer[]);
create table public.composites (id integer primary key, r public.row_type, rs public.row_type[]);
insert into public.composites select 1, row (E'x"y\\,(\n)', w, '{1,NULL}')::public.row_type, array[row ('', null, null)::public.row_type, null] from public.numbers as w where w.id = 4;
insert into public.composites values (2, row (null, null, null), '{}'), (3, null, null);

-- Many rows of one value, none, one column only, only nulls, no key and doubles.
create table public.only_nulls (a integer, b text, c bytea);
insert into public.only_nulls select null, null, null from generate_series(1, 1000);
create table public.doubles (a integer, b text);
insert into public.doubles select n % 3, 'same' from generate_series(1, 1000) as n;
create table public.empty_strings (a text);
insert into public.empty_strings select '' from generate_series(1, 500);
create table public.nothing (a integer);
create table public.updated (id integer primary key, n integer) with (fillfactor = 50);
insert into public.updated select n, 0 from generate_series(1, 3000) as n;
update public.updated set n = n + 1 where id % 2 = 0;
delete from public.updated where id % 5 = 0;
