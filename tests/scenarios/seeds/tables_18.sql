-- From version 18 on: virtual generated columns, named and unvalidated not-null constraints, keys without overlaps,
-- foreign keys that are not enforced.

create table public.virtual (a integer, b integer generated always as (a * 2), c integer generated always as (a * 3) stored);
insert into public.virtual (a) values (1), (2), (null);
create table public.not_nulls (a integer constraint named not null, b integer not null no inherit, c integer);
insert into public.not_nulls values (1, 2, null);
alter table public.not_nulls add constraint later not null c not valid;
create table public.inherited (d integer) inherits (public.not_nulls);
alter table public.inherited alter column b set not null;
create table public.parent (id int4range, valid daterange, primary key (id, valid without overlaps));
insert into public.parent values ('[1,2)', '[2026-01-01,2027-01-01)');
create table public.child (id int4range, valid daterange, parent int4range,
    primary key (id, valid without overlaps), foreign key (parent, period valid) references public.parent (id, period valid));
insert into public.child values ('[5,6)', '[2026-02-01,2026-03-01)', '[1,2)');
create table public.plain (id integer primary key);
create table public.unenforced (id integer references public.plain not enforced, x integer check (x > 0) not enforced);
insert into public.unenforced values (99, -1);
create table public.bounds (p integer generated always as identity, q integer) partition by range (q);
create table public.bounds_1 partition of public.bounds for values from (0) to (10);
insert into public.bounds (q) values (1), (2);
