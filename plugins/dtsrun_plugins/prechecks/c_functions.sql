-- Functions of the database, not of an extension, that are written in C or need a superuser for another reason.
select n.nspname::text as schema, p.proname::text as name, p.oid as function, p.oid::regprocedure::text as signature,
       l.lanname::text as language, l.lanpltrusted as is_trusted, p.proleakproof as is_leakproof,
       case l.lanname when 'c' then p.probin::text end as library
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  join pg_catalog.pg_language l on l.oid = p.prolang
 where p.oid >= 16384 and (not l.lanpltrusted or p.proleakproof)
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
 order by 1, 2, 4
