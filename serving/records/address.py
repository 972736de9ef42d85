"""Read the address of the records: a file under home, or a Postgres."""

from sqlalchemy import URL, exc, make_url

from features.errors import GuanjiaError
from features.settings import Settings
from serving.records.postgres import DRIVER


def address_of(settings: Settings) -> URL:
    """Return the address of the records, with its password.

    Raises
    ------
    GuanjiaError
        If `GUANJIA_DATABASE` is not the address of a Postgres.
    """
    if settings.database is None:
        return URL.create("sqlite", database=str(settings.home / "records.db"))
    cure = "set it to postgresql://user:password@host/database, or unset it to use SQLite"
    try:
        url = make_url(settings.database)
    except (exc.ArgumentError, ValueError):
        # The original error repeats the address, and with it the password.
        raise GuanjiaError("GUANJIA_DATABASE", "is not a database address", cure) from None
    if url.drivername not in ("postgres", "postgresql", DRIVER):
        raise GuanjiaError("GUANJIA_DATABASE", f"names {url.drivername}, not Postgres", cure)
    return url.set(drivername=DRIVER)
