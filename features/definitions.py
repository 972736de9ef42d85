"""Which code and settings make the tags, as one hash: two snapshots of one hash are comparable."""

import hashlib
import importlib.metadata
from pathlib import Path

from features.lake import Lake

CODE = Path(__file__).parent
SOURCES = (
    "claims_standards.py",
    "contract.py",
    "spine.py",
    "tables.py",
    "tagging.py",
    "star*.py",
    "tags/*.py",
)
SETTINGS = ("claims.toml", "star.toml")
LIBRARIES = ("duckdb", "ibis-framework", "pyarrow")


def definitions(lake: Lake) -> str:
    """Hash of the modules that define tags, the settings they read and the engine's versions."""
    found = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(CODE.glob(pattern)):
            found.update(path.name.encode())
            found.update(path.read_bytes())
    for name in SETTINGS:
        path = lake.home / name
        found.update(path.name.encode())
        found.update(path.read_bytes() if path.exists() else b"")
    found.update(f"{lake.settings.timezone} {lake.name}".encode())
    for library in LIBRARIES:
        found.update(importlib.metadata.version(library).encode())
    return found.hexdigest()[:16]
