-- A table whose rows are taken slowly where shop.nap says so: seconds for each row, by its check.
create function public.nap(n int) returns boolean immutable language plpgsql as $$
begin
  perform pg_catalog.pg_sleep(coalesce(nullif(pg_catalog.current_setting('shop.nap', true), ''), '0')::float8);
  return true;
end
$$;
create table public.wide (n int primary key, t text, constraint slowly check (public.nap(n)));
insert into public.wide select n, repeat(md5(n::text), 40) from generate_series(1, 40000) n;
