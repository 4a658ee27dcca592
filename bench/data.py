"""The data sets: SQL that fills a database of the source. `scale` 1 is the size that the published figures have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

NARROW: Final = """
create table narrow (a int, b int, c float8, d timestamptz);
insert into narrow
  select g, (random() * 1e6)::int, random() * 1000, now() - g * interval '1.37 s' from generate_series(1, {narrow}) g;
create index on narrow (a);
create index on narrow (d);
"""
WIDE: Final = """
create table wide (
  id uuid primary key, title text, doc jsonb, price numeric, at timestamptz, tags text[]);
insert into wide
  select gen_random_uuid(), 'title ' || g, jsonb_build_object('n', g, 'text', md5(g::text), 'list', array[g, g + 1]),
         (g % 100000) / 100.0, now() - g * interval '1 s', array[md5(g::text), (g % 100)::text]
    from generate_series(1, {wide}) g;
create index on wide (at);
create index on wide (price);
create index on wide (title);
"""
BYTEA: Final = """
create table pictures (id int primary key, body bytea);
alter table pictures alter body set storage external;
insert into pictures
  select g, decode(repeat(md5(g::text), 3125), 'hex') from generate_series(1, {pictures}) g;
"""
SMALL: Final = """
do $$ begin
  for n in 1..{small} loop
    execute format('create table small_%s (id int primary key, parent int, note text)', n);
    execute format('insert into small_%s select g, g, md5(g::text) from generate_series(1, 100) g', n);
    if n > 1 then
      execute format('alter table small_%s add foreign key (parent) references small_%s', n, n - 1);
    end if;
    if n %% 500 = 0 then commit; end if;
  end loop;
end $$;
"""
LARGE_OBJECTS: Final = """
select lo_from_bytea(0, decode(repeat(md5(g::text), 512), 'hex')) from generate_series(1, {objects}) g;
"""

SETS: Final[dict[str, Callable[[float], str]]] = {
    "narrow": lambda scale: NARROW.format(narrow=int(10_000_000 * scale)),
    "wide": lambda scale: WIDE.format(wide=int(1_000_000 * scale)),
    "bytea": lambda scale: BYTEA.format(pictures=int(6_000 * scale)),
    "small_200": lambda scale: _small(int(200 * scale)),
    "small_10000": lambda scale: _small(int(10_000 * scale)),
    "large_objects": lambda scale: LARGE_OBJECTS.format(objects=int(2_000 * scale)),
    "mix": lambda scale: "".join(
        [
            WIDE.format(wide=int(2_000_000 * scale)),
            NARROW.format(narrow=int(5_000_000 * scale)),
            _small(int(200 * scale)),
            LARGE_OBJECTS.format(objects=int(2_000 * scale)),
            BYTEA.format(pictures=int(6_000 * scale)),
        ]
    ),
}
"""All sets but `pgbench`, which its own program fills at scale 50."""
PGBENCH_SCALE: Final = 50


def _small(number: int) -> str:
    return SMALL.format(small=max(2, number)).replace("%%", "%")
