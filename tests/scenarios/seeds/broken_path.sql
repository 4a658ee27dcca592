-- From version 17 on, an index or a materialized view is built under an empty search_path; up to 16 this loads.

-- A function that finds its table by the search_path of whoever calls it, used by an index, a check and a stored view.
create table public.lookup (code text primary key, meaning text);
insert into public.lookup values ('x', 'known');
create function public.meaning_of(text) returns text language plpgsql immutable as $$ begin return (select meaning from lookup where code = $1); end $$;
create table public.by_path (id integer primary key, code text);
insert into public.by_path values (1, 'x');
create index by_path_meaning on public.by_path (public.meaning_of(code));
create materialized view public.by_path_view as select id, public.meaning_of(code) as meaning from public.by_path;
