-- What other tools of migration and replication leave in a database: event triggers, schemas and triggers of theirs.
with found as (
    select 'event trigger' as kind, null::text as schema, evtname::text as name from pg_catalog.pg_event_trigger
     where evtenabled <> 'D'
    union all
    select 'schema', null, nspname::text from pg_catalog.pg_namespace
    union all
    select 'trigger', n.nspname::text || '.' || c.relname, t.tgname::text
      from pg_catalog.pg_trigger t
      join pg_catalog.pg_class c on c.oid = t.tgrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where not t.tgisinternal and t.tgrelid = any (%(relations)s::oid[])
),
tool (name, kind, pattern) as (
    values ('AWS DMS', 'event trigger', '^awsdms_'), ('pglogical', 'schema', '^pglogical$'),
           ('Bucardo', 'schema', '^bucardo$'), ('Bucardo', 'trigger', '^bucardo_'),
           ('Slony', 'schema', '^_.*_slony$'), ('Slony', 'trigger', '_logtrigger$'),
           ('Londiste', 'schema', '^londiste$'), ('SymmetricDS', 'trigger', '^sym_on_[iud]_')
)
select t.name as tool, f.kind, f.schema, f.name
  from found f
  join tool t on t.kind = f.kind and f.name ~ t.pattern
 order by 1, 2, 3, 4
