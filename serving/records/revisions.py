"""Know of which release the tables of the records are: the revision that Alembic notes in them."""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from features.errors import GuanjiaError

MOVED = "moved"
"""Revision of tables that were moved to another database."""
MIGRATIONS = Path(__file__).with_name("migrations")
_REVISIONS = table("alembic_version", column("version_num"))


def read_revision(connection: Connection) -> str | None:
    """Read the revision of the tables; None where there are none."""
    if not inspect(connection).has_table(_REVISIONS.name):
        return None
    return connection.execute(select(_REVISIONS.c.version_num)).scalar()


def newest_revision() -> str:
    """Find the newest migration, from the names of their files: `records_0003.py` is 0003."""
    names = (path.stem for path in (MIGRATIONS / "versions").glob("records_*.py"))
    return max(names).removeprefix("records_")


def require_known(revision: str | None, place: str, is_sqlite: bool) -> None:
    """Refuse tables of a newer release, and those that were moved to another database.

    Parameters
    ----------
    revision : str or None
        Their revision; None where there are no tables.
    place : str
        Where they are, for the error.
    is_sqlite : bool
        Whether they are in a file.

    Raises
    ------
    GuanjiaError
        If this release does not know the revision.
    """
    if revision is None or revision <= newest_revision():
        return
    if revision == MOVED:
        cure = "set it to where they are" if is_sqlite else "unset it"
        fault = "were moved to another database by `guanjia move records`"
        raise GuanjiaError(f"records {place}", fault, f"GUANJIA_DATABASE: {cure}")
    raise GuanjiaError(
        f"records {place}",
        f"were written by a newer release (revision {revision}; this release knows those up to "
        f"{newest_revision()}); nothing was changed",
        "install the release that wrote them, or restore a backup from before the upgrade",
    )
