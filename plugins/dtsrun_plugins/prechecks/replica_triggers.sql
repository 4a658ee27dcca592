-- Triggers and rules that fire even in sessions that apply changes.
select n.nspname::text as schema, c.relname::text as name, 'trigger' as kind, t.tgname::text as object,
       pg_catalog.format('ALTER TABLE %%I.%%I ENABLE TRIGGER %%I', n.nspname, c.relname, t.tgname) as statement
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_class c on c.oid = t.tgrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where t.tgenabled in ('A', 'R') and not t.tgisinternal and n.nspname || '.' || c.relname = any (%(names)s)
union all
select n.nspname::text, c.relname::text, 'rule', w.rulename::text,
       pg_catalog.format('ALTER TABLE %%I.%%I ENABLE RULE %%I', n.nspname, c.relname, w.rulename)
  from pg_catalog.pg_rewrite w
  join pg_catalog.pg_class c on c.oid = w.ev_class
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where w.ev_enabled in ('A', 'R') and c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = any (%(names)s)
 order by 1, 2, 3, 4
