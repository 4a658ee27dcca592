create role "o'wner one" nologin;
create role "Grantor.Two";
create role "täker 3" login noinherit connection limit 7;
create role "drôle-admin" createdb createrole valid until '2039-01-01 00:00:00+00';
