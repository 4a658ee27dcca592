"""The target knows the locales of the databases."""

from dtsrun.api import Database, Inventory, ServerFacts
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.database_locale import DatabaseLocale


class TestDatabaseLocale(PrecheckContract):
    plugin = DatabaseLocale


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(DatabaseLocale().check(context))


def test_a_locale_of_both_ends_passes(source_route, target_route, fresh_database):
    shop = fresh_database(source_route, options="template template0 locale 'C.utf8'")
    assert found(source_route, target_route, shop) == []


def test_a_locale_that_the_target_does_not_know_fails(source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    with connect(source_route) as connection:
        # As if the source ran on another operating system.
        connection.execute("update pg_database set datctype = 'xx_YY.UTF-8' where datname = %s", [shop])
    (finding,) = found(source_route, target_route, shop, inventory=only(shop))
    assert finding.message == f"the target does not know the locale xx_YY.UTF-8 of database {shop}"


def test_a_database_that_is_there_already_is_used_as_it_is(source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    fresh_database(target_route, name=shop)
    with connect(source_route) as connection:
        connection.execute("update pg_database set datctype = 'xx_YY.UTF-8' where datname = %s", [shop])
    assert found(source_route, target_route, shop, inventory=only(shop)) == []


def only(name):
    """What is chosen, without entering a database that nobody can enter here."""
    database = Database(
        name=name, target=name, owner="x", encoding="UTF8", is_template=False, bytes=0, entries={}, relations={}
    )
    facts = ServerFacts(version=160000, version_text="", current_user="x", is_superuser=True, bootstrap_role="x")
    return Inventory(server=facts, databases={name: database})
