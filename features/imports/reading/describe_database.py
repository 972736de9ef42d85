"""Describe the tables and views of a database as sources."""

import os

import sqlalchemy as sa

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading.databases import PASSWORD_FROM, address_of, connected
from features.imports.reading.describe import Described

MOST_TABLES = 200
"""Tables and views that are looked at; a core system has thousands."""


def describe_database(url: str) -> Described:
    """Describe the tables and views of a database's own schema; each is a source.

    Parameters
    ----------
    url : str
        With its password, which is put into the environment variable `PASSWORD_FROM`; or without:
        then it is taken from there.

    Raises
    ------
    GuanjiaError
        If the database cannot be reached, or has too many tables to look at each.
    """
    address = address_of(url)
    plain = address._replace(password=None).render_as_string(hide_password=False)
    if address.password is not None:
        # The tables are read by their sources, which name the variable.
        os.environ[PASSWORD_FROM] = str(address.password)
    password = os.environ.get(PASSWORD_FROM)
    described = Described({}, {}, set(), {})
    with connected(plain, password, plain) as connection:
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
        if len(names) > MOST_TABLES:
            raise GuanjiaError(
                f"database {plain}",
                f"has {len(names)} tables and views",
                "make a schema with views of those to import, or export them as files",
            )
        for name in sorted(names):
            columns = tuple(str(column["name"]) for column in inspector.get_columns(name))
            described.sources[name] = Source(
                kind="database",
                database=plain,
                password_from=PASSWORD_FROM if password else None,
                table=name,
                columns=columns,
            )
            described.notes[name] = [f"a table or view of {plain}"]
    return described
