"""Find files under home that Guanjia did not write and that name customers: spreadsheets, archives.

What Guanjia writes beside tables holds no customers (models, reports, statistics, settings, the
registry: a test searches them all) and is skipped.
"""

import gzip
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

OURS = (
    "models",
    "mlflow",
    "reports",
    "effects",
    "quality",
    "monitoring",
    "feast",
    "compiled",
    "snapshots",
    "tmp",
)
TABLES = (".parquet", ".db", ".db-wal", ".db-shm", ".key", ".toml", ".lock")
LARGEST = 256 * 1024 * 1024
"""Bytes of an unpacked file that are searched; the rest is not read."""


def stray_files_naming(home: Path, customers: Collection[str]) -> list[Path]:
    """List files of other kinds that name any of the customers, also inside archives."""
    sought = _pattern(customers)
    return [
        path
        for path in sorted(home.rglob("*"))
        if path.is_file()
        and path.relative_to(home).parts[0] not in OURS
        and not path.name.endswith(TABLES)
        and any(sought.search(content) for content in _contents(path))
    ]


def _pattern(customers: Collection[str]) -> re.Pattern[bytes]:
    """Match the ids in the encodings of texts and spreadsheets, but not within longer ids."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    written = {
        re.escape(customer.encode(name, "ignore")) for customer in customers for name in encodings
    }
    return re.compile(rb"(?<![0-9A-Za-z])(?:" + b"|".join(sorted(written)) + rb")(?![0-9A-Za-z])")


def _contents(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield file.read(LARGEST)
    try:
        if zipfile.is_zipfile(path):  # a spreadsheet is one
            with zipfile.ZipFile(path) as packed:
                for name in packed.namelist():
                    with packed.open(name) as member:
                        yield member.read(LARGEST)
        elif path.suffix == ".gz":
            with gzip.open(path) as file:
                yield file.read(LARGEST)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return  # damaged or encrypted: it cannot be searched
