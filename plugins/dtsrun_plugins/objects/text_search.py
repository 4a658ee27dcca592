"""The object kind `text_search`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class TextSearch(ObjectKind):
    """Text search parsers, templates, dictionaries and configurations

    What it does
    ------------
    Creates the four kinds of text search object, and the mapping of token types to dictionaries in each
    configuration.

    Why it matters
    --------------
    Generated tsvector columns and indexes call a configuration by name; another dictionary gives other lexemes
    and other search results.

    Spec
    ----
    Chosen with `{text_search: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. Parsers and
    templates need a superuser.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{text_search: "public.english_unaccent"}]

    Limits
    ------
    Files that dictionaries read (stop words, thesauri, affixes) lie in the server's folder and have to be there
    on the target.
    """

    name = "object.text_search"
    entry_types = ("TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION")
    selector = "text_search"
