-- Settings attached to the database and to the role that logs in: they change what values mean, which objects names
-- find, whether a statement may run at all. They are to be moved, and to be obeyed by nobody's copying session.

create schema trap;
create table public.kept (id integer primary key, d date, i interval, f float8, b bytea, a integer[], t timestamptz, m money, x text);
insert into public.kept values
    (1, '2026-02-03', '1 year 2 mons -3 days 04:05:06.789', 0.1 + 0.2, '\x00ff5c', array[1, null, 3], '2026-03-29 01:30:00+00', '12.34', 'NULL'),
    (2, '0044-03-15 BC', '-1 days', 'NaN', '', '{}', 'infinity', null, null),
    (3, 'infinity', '0', '-0', '\x5c', '{null}', '-infinity', '-0.01', '');
create table public.referring (id integer primary key references public.kept, parent integer references public.referring);
insert into public.referring values (1, null), (2, 1), (3, 2);
create view public.compares_null as select kept.id from public.kept where kept.x is null;
create materialized view public.stored as select d::text as d, f::text as f, t::text as t from public.kept;

do $$
declare
    setting text;
begin
    foreach setting in array array[
        'default_transaction_read_only = on', 'array_nulls = off', 'search_path = trap, public, pg_catalog', 'datestyle = ''SQL, DMY''',
        'intervalstyle = iso_8601', 'bytea_output = escape', 'extra_float_digits = -15', 'timezone = ''Asia/Kathmandu''',
        'quote_all_identifiers = on', 'xmloption = document', 'lock_timeout = ''1ms''', 'statement_timeout = ''2ms''',
        'check_function_bodies = on', 'standard_conforming_strings = off', 'escape_string_warning = on', 'backslash_quote = off',
        'client_encoding = ''LATIN1''', 'row_security = off', 'session_replication_role = replica', 'transform_null_equals = on',
        'default_transaction_isolation = serializable', 'default_transaction_deferrable = on', 'gin_fuzzy_search_limit = 1',
        'idle_in_transaction_session_timeout = ''1ms''', 'work_mem = ''64kB''', 'maintenance_work_mem = ''1MB''', 'lc_monetary = ''C''',
        'default_text_search_config = ''pg_catalog.simple''', 'from_collapse_limit = 1', 'enable_seqscan = off', 'enable_indexscan = off',
        'plpgsql.variable_conflict = use_column', 'nasty.setting = ''a, b''''c''', 'client_min_messages = error',
        'synchronize_seqscans = on', 'lo_compat_privileges = on', 'default_with_oids = off', 'application_name = ''it''''s me''',
        'zero_damaged_pages = on', 'commit_delay = 1000', 'bytea_output = ''escape''']
    loop
        begin
            execute format('alter database %I set %s', current_database(), setting);
        exception when undefined_object or invalid_parameter_value then
            null; -- Another version knows it, not this one.
        end;
    end loop;
    execute format('alter role current_user in database %I set search_path = trap, public, pg_catalog', current_database());
    execute format('alter role current_user in database %I set default_transaction_read_only = on', current_database());
end
$$;
