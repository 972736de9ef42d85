"""Cache of the SQL of long expressions (tags, the rules of raw tables), compiled once a home.

Turning the expressions of several hundred tags into SQL takes seconds; running it on a few
customers takes a fraction of one. The SQL depends on the definitions, on which raw tables there are
and on the form of the spine. It does not depend on the dates, which it reads from the session
(`Lake.moments`), nor on the paths of the tables, which it reads by name. So it can be reused: by
this process from memory, by the next one from `<home>/compiled/<code>/<key>.sql`.
"""

import contextlib
import hashlib
import importlib.metadata
import shutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from features.lake.checked_tables import checked_rows
from features.lake.connection import Lake
from features.publishing import published

if TYPE_CHECKING:
    # Commands that run stored SQL do not wait for Ibis.
    import ibis.expr.types as ir

LARGEST = 2_000
CODE = Path(__file__).parents[1]
LIBRARIES = ("duckdb", "ibis-framework", "sqlglot")
_queries: dict[tuple[object, ...], str] = {}


def compile_once(lake: Lake, key: tuple[object, ...], build: "Callable[[], ir.Table | str]") -> str:
    """Compile an expression to SQL, or reuse the SQL of the same key.

    Parameters
    ----------
    lake : Lake
        The home whose engine runs the SQL.
    key : tuple
        All that the expression depends on besides the code and the engine: of texts, numbers and
        dates, so that it reads the same in every process.
    build : callable of () to ibis Table or str
        Makes the expression, or writes the SQL of several; called only if the cache lacks it.

    Returns
    -------
    str
        The SQL.
    """
    full_key = (lake.name, *key)
    if full_key not in _queries:
        if len(_queries) >= LARGEST:
            _queries.clear()
        name = hashlib.sha256(repr(full_key).encode()).hexdigest()[:32]
        file = sql_folder(lake) / f"{name}.sql"
        if file.exists():
            _queries[full_key] = file.read_text("utf-8")
        else:
            built = build()
            _queries[full_key] = built if isinstance(built, str) else lake.sql(built)
            _keep(file, _queries[full_key])
    return _queries[full_key]


def _keep(file: Path, query: str) -> None:
    """Keep SQL for the next process; a home that cannot be written only costs it the time."""
    with contextlib.suppress(OSError):
        _remove_other_code(file.parent)
        with published(file) as draft:
            draft.write_text(query, "utf-8")


def open_tables(lake: Lake, tables: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Open checked tables by the names at which stored SQL reads them, as `Lake.table` does.

    Parameters
    ----------
    lake : Lake
        The home of the tables.
    tables : iterable of str
        Names of raw tables.

    Returns
    -------
    tuple of (str, tuple of str)
        Each table with its columns and their types: part of the key of the SQL that reads it.

    Raises
    ------
    GuanjiaError
        As `Lake.require`.
    """
    opened = []
    for table in tables:
        rows = checked_rows(lake.con, table, lake.require(table))
        lake.con.execute(f'CREATE OR REPLACE TEMP VIEW "checked_{table}" AS {rows}')
        columns = lake.con.execute(f"{rows} LIMIT 0").description
        opened.append((table, tuple(f"{name} {type_}" for name, type_, *_ in columns)))
    return tuple(opened)


def sql_folder(lake: Lake) -> Path:
    """Return the folder of the SQL that the code and the libraries of today write."""
    return lake.home / "compiled" / code_hash()


@cache
def code_hash() -> str:
    """Hash all modules of the feature store and the versions of the libraries that write SQL."""
    digest = hashlib.sha256()
    for path in sorted(CODE.rglob("*.py")):
        digest.update(path.relative_to(CODE).as_posix().encode())
        digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(importlib.metadata.version(library).encode())
    return digest.hexdigest()[:16]


def _remove_other_code(folder: Path) -> None:
    """Remove the SQL of earlier code, which nothing reads any more."""
    if not folder.exists():
        for other in folder.parent.glob("*"):
            shutil.rmtree(other, ignore_errors=True)
