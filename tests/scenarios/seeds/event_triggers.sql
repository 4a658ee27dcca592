-- Event triggers that forbid all DDL, one that writes it down, one that is off, one for replicas only.

create table public.ddl_log (id bigserial primary key, tag text, object text);
create table public.protected (id integer primary key);
insert into public.protected select generate_series(1, 10);
create function public.forbid() returns event_trigger language plpgsql as $$ begin raise exception 'no % here', tg_tag; end $$;
create function public.note() returns event_trigger language plpgsql as $$
begin
    insert into public.ddl_log (tag, object) select c.command_tag, c.object_identity from pg_event_trigger_ddl_commands() as c;
end $$;
create function public.note_drop() returns event_trigger language plpgsql as $$
begin
    insert into public.ddl_log (tag, object) select tg_tag, d.object_identity from pg_event_trigger_dropped_objects() as d;
end $$;
create event trigger note on ddl_command_end execute procedure public.note();
create table public.noted (x integer);
drop table public.noted;
create event trigger note_drop on sql_drop when tag in ('DROP TABLE', 'DROP VIEW') execute procedure public.note_drop();
create event trigger forbid_rewrite on table_rewrite execute procedure public.forbid();
create event trigger off on ddl_command_start execute procedure public.forbid();
alter event trigger off disable;
create event trigger replica on ddl_command_start execute procedure public.forbid();
alter event trigger replica enable replica;
comment on event trigger off is 'was a bad idea';
create event trigger zz_forbid on ddl_command_start execute procedure public.forbid();
alter event trigger zz_forbid enable always;
