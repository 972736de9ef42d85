"""Hash the code and settings that make the tags: snapshots of equal hash are comparable."""

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

from features.lake import Lake
from features.tags.extensions import tag_sources

CODE = Path(__file__).parents[1]
SOURCES = (
    "contracts/contract.py",
    "contracts/insurance_tables.py",
    "contracts/service_tables.py",
    "contracts/vocabulary.py",
    "lake/joins.py",
    "lake/known.py",
    "lake/known_at.py",
    "lake/spine.py",
    "lake/terms.py",
    "snapshots/compute.py",
    "snapshots/tag_queries.py",
    "stars/*.py",
    "tags/**/*.py",
)
SETTINGS = ("claims.toml", "star.toml")
LIBRARIES = ("duckdb", "ibis-framework", "pyarrow")


def definitions(lake: Lake) -> str:
    """Hash the modules that define tags, also of extensions, their settings, and the engine."""
    digest = hashlib.sha256()
    for path in source_files(CODE, SOURCES):
        digest.update(path.relative_to(CODE).as_posix().encode())
        digest.update(path.read_bytes())
    for name, sha256 in tag_sources().items():
        digest.update(f"{name} {sha256}".encode())
    for name in SETTINGS:
        path = lake.home / name
        digest.update(path.name.encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    digest.update(f"{lake.settings.timezone} {lake.name}".encode())
    for library in LIBRARIES:
        digest.update(importlib.metadata.version(library).encode())
    return digest.hexdigest()[:16]


def source_files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """List the files that the patterns name, in the order of the patterns.

    Parameters
    ----------
    folder : Path
        Where the patterns begin.
    patterns : sequence of str
        Paths below it, with wildcards.

    Raises
    ------
    LookupError
        If a pattern matches nothing. Its file was moved or renamed: if it were left out in
        silence, a changed rule would no longer tell two snapshots apart.
    """
    files: list[Path] = []
    for pattern in patterns:
        matches = sorted(folder.glob(pattern))
        if not matches:
            raise LookupError(f"no file matches {pattern!r} below {folder.name}: was it moved?")
        files += matches
    return files
