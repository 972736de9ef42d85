"""Records on SQLite and on Postgres, empty and up to date."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from features.settings import Settings
from serving.records.contacts.caps import Caps
from serving.records.contacts.contact_caps import load_contact_caps
from serving.records.database import Records


@pytest.fixture
def settings(database: str | None, home: Path) -> Settings:
    """Where the records are."""
    return Settings(home=home, database=database)


@pytest.fixture
def records(settings: Settings) -> Iterator[Records]:
    """The records, up to date."""
    found = Records(settings)
    found.migrate()
    yield found
    found.close()


@pytest.fixture
def caps(home: Path) -> Caps:
    """The shipped caps."""
    return Caps(load_contact_caps(home), "Asia/Shanghai")


@pytest.fixture
def rows(records: Records) -> Callable[..., list[dict[str, Any]]]:
    """Every row of a table: `rows(contacts)`."""

    def read(table: Any) -> list[dict[str, Any]]:
        with records.reading() as connection:
            return [dict(row) for row in connection.execute(table.select()).mappings()]

    return read
