"""Read from MLflow's own database which version bears an alias, where it is a file of this machine.

Importing MLflow takes two seconds of processor time, this a millisecond: whoever scores, lists or
serves asks nothing else of the registry. What the file cannot say, MLflow is asked
(`training.registry.versions`).
"""

import sqlite3
from pathlib import Path

PATIENCE_SECONDS = 5.0
DELETED = "Deleted_Internal"
"""The stage that MLflow gives a version that was deleted."""
_QUERY = """
SELECT a.version, coalesce(v.current_stage, '') FROM registered_model_aliases a
JOIN model_versions v ON v.name = a.name AND v.version = a.version
WHERE a.name = ? AND a.alias = ?
"""


class NotInFileError(Exception):
    """The file does not say it: it is no database of a version that is known, or is locked."""


def version_in_file(database: Path, model: str, alias: str) -> str | None:
    """Return the version of a model that bears an alias; None where none does.

    Parameters
    ----------
    database : Path
        MLflow's SQLite file.
    model, alias : str
        Name of the registered model; "champion" or "challenger".

    Raises
    ------
    NotInFileError
        If the file cannot be read, or holds more than one answer.
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
        # Of several workspaces: which of them is meant, MLflow decides.
        raise NotInFileError(f"{len(rows)} versions of {model} are {alias}")
    versions = [str(version) for version, stage in rows if stage != DELETED]
    return versions[0] if versions else None
