"""The libraries of C functions are on the target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of
from dtsrun_plugins.prechecks._function_use import ROUTINES


class CLibraries(Precheck):
    """The libraries of C functions are on the target.

    What it does
    ------------
    Looks for chosen functions in C that no extension brings, and asks the target whether it has their library files.

    Why it matters
    --------------
    A library is a file of the machine and does not move. The function cannot be created without it, nor what is built
    on it: types, operators, indexes.

    Spec
    ----
    `prechecks.policy.checks."precheck.c_libraries"`; it has no options.

    Needs
    -----
    Superuser on the target, or `pg_read_server_files` and EXECUTE on `pg_config()`; the check cannot know otherwise.

    Example
    -------
        failed  precheck.c_libraries  shop.public.soundex: public.soundex(text) needs $libdir/soundex, which is not on
          the target

    Limits
    ------
    Whether the library fits the target's version shows when it is loaded. Only files named `.so` are looked for.
    """

    name = "precheck.c_libraries"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every function whose library is missing."""
        rows = [
            (database, row)
            for database, row in catalog_rows(context, "c_functions.sql")
            if row.library and any(e.catalog == ROUTINES and e.oid == row.function for e in database.entries.values())
        ]
        connection = context.target()
        assert connection is not None
        there = {library: _is_there(connection, library) for library in {row.library for _, row in rows}}
        for database, row in rows:
            if not there[row.library]:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"{row.signature} needs {row.library}, which is not on the target",
                    observed="missing",
                    expected=row.library,
                    fix=Fix(text="install the library on the target, built for its version", side="target"),
                )


def _is_there(connection: Connection, library: str) -> bool:
    row = connection.execute("select setting from pg_catalog.pg_config where name = 'PKGLIBDIR'").fetchone()
    assert row is not None
    # A name without a folder is looked for along dynamic_library_path, which is $libdir by default.
    path = PurePosixPath(row.setting, library.replace("$libdir", row.setting))
    path = path if path.suffix else path.with_suffix(".so")
    found = connection.execute(
        "select size is not null as there from pg_catalog.pg_stat_file(%s, true)", [str(path)]
    ).fetchone()
    return bool(found and found.there)
