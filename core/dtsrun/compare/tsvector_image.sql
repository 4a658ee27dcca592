-- The lexemes of a tsvector in an order that does not depend on the database's encoding.
(select string_agg(l::text, ' ' order by convert_to(l.lexeme, 'UTF8')) from unnest({column}) as l)
