"""dtsrun moves PostgreSQL databases to other PostgreSQL servers from one declarative file."""
