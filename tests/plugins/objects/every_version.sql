-- Values that versions 10 to 18 all know, and that one of the two formats of COPY could get wrong.
create type mood as enum ('sad', 'it''s "ok"');
create type pair as (a int, b text, c mood, d numeric[]);
create domain few as pair[] check (cardinality(value) < 3);
create type span as range (subtype = numeric);
create table numbers (i2 int2, i4 int4, i8 int8, n numeric, p numeric(20, 3), m money, b bool, o oid);
insert into numbers values
    (-32768, -2147483648, -9223372036854775808, 'NaN', 'NaN', '-92233720368547758.08', true, 4294967295),
    (32767, 2147483647, 9223372036854775807, '1e-16383', 123456789.125, '0.01', false, 0),
    (0, 0, 0, repeat('9', 3000)::numeric + 0.10, -0.001, '0', null, null);
create table floats (r real, d float8, m float8[]);
insert into floats values ('NaN', '-infinity', '{NaN,-0}'), ('1e-45', '5e-324', '{}'), ('-0', 0.1::float8 + 0.2::float8, '{0.1,1e308}');
create table times (d date, t timestamp, z timestamptz(3), c time, y timetz, i interval, s interval day to second(1));
insert into times values
    ('infinity', '-infinity', 'infinity', '24:00:00', '24:00:00-15:59:59', '178000000 years', '1 day 1.55 s'),
    ('4714-11-24 BC', '4714-11-24 00:00:00 BC', '0044-03-15 12:00:00.123+00 BC', '0:0', '00:00:00+15:59:59', '-1 mon 1 day', null),
    ('5874897-12-31', '294276-12-31 23:59:59.999999', '1883-11-18 12:03:58-07:52:58', '23:59:59.999999', null, '-178000000 years', '-0.1 s');
create table texts (t text, v varchar(5), c char(5), q "char", n name, e mood, b bytea, l text[], g bit(3), f bit varying);
insert into texts values
    (E'\\N', E'\\.', ' ', '\', '', 'sad', '\x00ff5c', array[null, 'NULL', '', '"', '\', E'\n'], '101', ''),
    (E'a\tb\r\n\u00e4\u20ac\U0001F600', 'äöü', 'ä', (-1)::"char", 'na"me', 'it''s "ok"', '', '{}', '000', '1111'),
    ('', null, null, '', null, null, null, '[2:3][0:0]={{a},{b}}', null, null);
create table made (m mood[], p pair, ps pair[], f few, s span, r int8range, tr tstzrange[]);
insert into made values
    ('{sad,null}', row(1, E'a"\\,)\n', 'sad', '{1.50,NaN}'), array[row(null, '', null, null)::pair, null], '{}', 'empty', '[1,5]', '{empty}'),
    (null, row(null, null, null, null), '{}', array[row(2, 'x', 'sad', '{}')::pair], '(,1.10]', '(,)', '{"[2020-01-01,)"}'),
    ('{}', null, null, null, null, null, null);
create table papers (j json, b jsonb, v tsvector, q tsquery, u uuid, i inet, c cidr, m macaddr, n pg_lsn, t txid_snapshot);
insert into papers values
    (' {"a": 1,   "a": 2}', '{"b": 1e400, "a": [null, -0, "\u20ac"]}', '''it''''s'':1A,2B ''x'':3', '',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::ffff:1.2.3.4/96', '10.0.0.0/8', '08:00:2b:01:02:03', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15'),
    ('"\\\""', 'null', '', '!a & b:*', null, '1.2.3.4/24', '::/0', null, '0/0', '1:1:');
create table vectors (v tsvector, j jsonb, n pg_lsn, h macaddr8);
insert into vectors values ('''it''''s'':1A,2B ''x\\y'':16383', '[]', '1/0', '08:00:2b:01:02:03:04:05'), ('', '"x"', null, null);
create table shapes (p point, l line, s lseg, b box, h path, g polygon, o circle);
insert into shapes values
    ('(NaN,-0)', '{1,-1,0.125}', '[(0,0),(1,1)]', '(1024.5,2),(-3,-4)', '[(0,0),(0.0625,1)]', '((0,0),(1,1),(1,0))', '<(0.125,0.25),0.375>'),
    ('(infinity,-infinity)', null, null, null, '((0,0),(1,1))', null, '<(0,0),0>');
create table named (c regclass, r regtype[]);
insert into named values ('numbers', '{pair,int}'), ('pg_class', null);
