"""Read the version that bears an alias directly from MLflow's local database file.

Importing MLflow takes two seconds of processor time, this a millisecond, and scoring, lists and
serving ask nothing else of the registry. `training.registry.versions` asks MLflow where the file
cannot answer.
"""

import sqlite3
from pathlib import Path

PATIENCE_SECONDS = 5.0
DELETED = "Deleted_Internal"
"""Stage that MLflow gives a deleted version."""
_QUERY = """
SELECT a.version, coalesce(v.current_stage, '') FROM registered_model_aliases a
JOIN model_versions v ON v.name = a.name AND v.version = a.version
WHERE a.name = ? AND a.alias = ?
"""


class NotInFileError(Exception):
    """The file cannot answer: it is locked, or its schema is not the expected one."""


def version_in_file(database: Path, model: str, alias: str) -> str | None:
    """Return the version of a model that bears an alias; None if there is none.

    Parameters
    ----------
    database : Path
        MLflow's SQLite file.
    model, alias : str
        Name of the registered model; "champion" or "challenger".

    Raises
    ------
    NotInFileError
        If the file cannot be read, or several versions bear the alias.
    """
    try:
        address = f"{database.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)
        try:
            rows = connection.execute(_QUERY, [model, alias]).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as fault:
        raise NotInFileError(str(fault)) from fault
    if len(rows) > 1:
        # They are of several workspaces: MLflow decides which is meant.
        raise NotInFileError(f"{len(rows)} versions of {model} are {alias}")
    versions = [str(version) for version, stage in rows if stage != DELETED]
    return versions[0] if versions else None
