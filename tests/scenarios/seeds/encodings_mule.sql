-- A database whose encoding cannot be converted to UTF8 at all: clients that ask for UTF8 are not even let in.
-- Begin in any database; up to version 18.

create database nasty_mule encoding 'MULE_INTERNAL' lc_collate 'C' lc_ctype 'C' template template0;
