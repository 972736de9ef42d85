"""List the files of a delivery and read those of a source, whatever their kind."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import GuanjiaError
from features.imports.mapping import Mapping as ImportMapping
from features.imports.mapping import Source
from features.imports.reading.text_files import read_text_file
from features.imports.reading.text_tables import (
    LINE,
    Part,
    TextTable,
    drop_part,
    make_view,
    replace_part,
)
from features.imports.reading.workbooks import EXACT, read_workbook
from features.lake import Lake
from features.sql import quoted, sql_text

if TYPE_CHECKING:
    import duckdb

KINDS = {
    **dict.fromkeys((".csv", ".txt", ".tsv", ".dat", ".del"), "text"),
    **dict.fromkeys((".xlsx", ".xls", ".xlsb", ".xlsm"), "workbook"),
    ".parquet": "parquet",
}
"""Kinds of files by suffix in lower case; a text file may end in `.gz` as well."""
UNDER_WAY = ("~$", ".", "_SUCCESS", "_committed", "_started")
"""Beginnings of names that are no data: lock files of a spreadsheet, marks of a job."""


def kind_of(path: Path) -> str | None:
    """Tell the kind of a file by its name: text, workbook, parquet; None: no table.

    Examples
    --------
    >>> kind_of(Path("B.CSV")), kind_of(Path("a.csv.gz")), kind_of(Path("~$a.csv"))
    ('text', 'text', None)
    """
    if path.name.startswith(UNDER_WAY):
        return None
    suffix = path.suffix.lower()
    if suffix == ".gz":
        kind = KINDS.get(Path(path.stem).suffix.lower())
        return kind if kind == "text" else None
    return KINDS.get(suffix)


def list_files(folder: Path) -> list[Path]:
    """List all files of a delivery, those in folders below too (`dt=2026-06-30/`).

    Raises
    ------
    GuanjiaError
        If the folder does not exist or holds no file.
    """
    if not folder.exists():
        raise GuanjiaError(f"folder {folder}", "does not exist", "name the folder of the exports")
    files = [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file())
    if not files:
        raise GuanjiaError(f"folder {folder}", "holds no file", "put the exports there")
    return files


def path_below(path: Path, folder: Path) -> str:
    """Return the path of a file below the folder of the delivery, as patterns see it."""
    return path.name if path == folder else path.relative_to(folder).as_posix()


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Check whether one of the patterns is that of a file."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def files_of(source: Source, folder: Path, *, may_lack: bool = False) -> list[Path]:
    """List the files of a source in a delivery; a database is read as one, named by its table.

    Parameters
    ----------
    source : Source
        Says how they are called.
    folder : Path
        The delivery.
    may_lack : bool
        True if there may be none.

    Raises
    ------
    GuanjiaError
        If there is none.
    """
    if source.kind == "database":
        return [Path(source.table or "query")]
    files = [
        path
        for path in list_files(folder)
        if kind_of(path) == source.kind and matches(path_below(path, folder), source.files)
    ]
    if not files and not may_lack:
        raise GuanjiaError(
            f"files {', '.join(source.files)}",
            f"are not in {folder}",
            "deliver them, or take the source out of the mapping",
        )
    return files


def unused_files(mapping: ImportMapping, folder: Path, ours: Collection[Path]) -> dict[str, str]:
    """Return the files of a delivery that no source reads, each with the reason.

    Parameters
    ----------
    mapping : ImportMapping
        Its sources.
    folder : Path
        The delivery.
    ours : collection of Path
        The mapping and its page, which may lie there too.
    """
    unused: dict[str, str] = {}
    if all(source.kind == "database" for source in mapping.sources.values()):
        return unused
    for path in list_files(folder):
        name, kind = path_below(path, folder), kind_of(path)
        if path.resolve() in ours:
            continue
        if any(s.kind == kind and matches(name, s.files) for s in mapping.sources.values()):
            continue
        if matches(name, mapping.ignored):
            unused[name] = "ignored, as the mapping says"
        elif path.name.startswith(UNDER_WAY):
            unused[name] = "no data: a lock file or a hidden one"
        else:
            unused[name] = "no source of the mapping" if kind else "not a kind of file that is read"
    return unused


def read_source(
    lake: Lake,
    name: str,
    source: Source,
    files: Sequence[Path],
    layouts: Mapping[Path, Source] | None = None,
) -> TextTable:
    """Read the files of a source into the engine, every cell as text.

    Parameters
    ----------
    lake : Lake
        Whose engine and time zone are used.
    name : str
        The source's name.
    source : Source
        What the files are.
    files : sequence of Path
        At least one.
    layouts : mapping of Path to Source, optional
        Files that are not laid out as the source says -> how they are; their cells come under the
        headings of the source, and what it does not name is left out.

    Raises
    ------
    GuanjiaError
        If a file cannot be read as the mapping says.
    """
    view, con = f"import_{name}", lake.con
    scratch = lake.home / "tmp"
    parts: list[Part] = []
    for place, path in enumerate(files):
        table = f"{view}_{place}"
        layout = (layouts or {}).get(path, source)
        drop_part(con, table)
        if source.kind == "text":
            parts.append(read_text_file(con, path, layout, table, scratch))
        elif source.kind == "database":
            from features.imports.reading.databases import read_database

            parts.append(read_database(con, source, table, lake.settings.timezone))
        elif source.kind == "workbook":
            parts.append(read_workbook(con, path, layout, table))
        else:
            parts.append(_read_parquet(con, path, layout, table, lake.settings.timezone))
        if layout.columns != source.columns:
            _arrange(con, table, layout, source)
    text_table = make_view(con, view, source.columns, parts)
    for part in parts:
        if part.unaccounted:
            raise GuanjiaError(
                f"file {part.path}",
                f"has {part.unaccounted:,} lines of which nobody knows what became of them",
                "report this as a fault of Guanjia, with the file's layout",
            )
    return text_table


def _arrange(con: "duckdb.DuckDBPyConnection", table: str, layout: Source, source: Source) -> None:
    """Put the cells of a file in the order of a source; what the file lacks is empty."""
    headings = [layout.renamed.get(name, name) for name in layout.columns]
    cells = ", ".join(
        f"{f'c{headings.index(name)}' if name in headings else 'NULL::VARCHAR'} AS c{place}"
        for place, name in enumerate(source.columns)
    )
    replace_part(con, table, f"SELECT {LINE}, {cells} FROM {quoted(table)}")


def parquet_columns(con: "duckdb.DuckDBPyConnection", path: Path) -> dict[str, str]:
    """Return the columns of a Parquet file with their types in the engine.

    Raises
    ------
    GuanjiaError
        If the file is none, or is cut off.
    """
    import duckdb

    try:
        rows = con.execute(f"DESCRIBE FROM read_parquet({sql_text(path)})").fetchall()
    except duckdb.Error as fault:
        raise GuanjiaError(
            f"file {path}", "is no complete Parquet file", "deliver it again"
        ) from fault
    return {str(row[0]): str(row[1]) for row in rows}


def _read_parquet(
    con: "duckdb.DuckDBPyConnection", path: Path, source: Source, table: str, zone: str
) -> Part:
    types = parquet_columns(con, path)
    missing = [name for name in source.columns if name not in types]
    extra = [name for name in types if name not in source.columns]
    if missing:
        raise GuanjiaError(
            f"file {path}", f"has no column {', '.join(missing)}", "deliver it, or plan anew"
        )
    cells = ", ".join(
        f"{cell_text(quoted(name), types[name], zone)} AS c{place}"
        for place, name in enumerate(source.columns)
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS SELECT file_row_number + 1 AS {LINE},"
        f" {cells} FROM read_parquet({sql_text(path)}, file_row_number=true)"
    )
    (rows,) = con.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone() or (0,)
    notes = [f"columns the mapping does not know: {', '.join(extra)}"] if extra else []
    return Part(path, rows, notes=notes)


def cell_text(cell: str, type_: str, zone: str) -> str:
    """Write a typed cell as text: an instant with a zone as civil time, so that its day stays.

    Parameters
    ----------
    cell : str
        The cell as SQL.
    type_ : str
        The engine's name of its type.
    zone : str
        The insurer's time zone.
    """
    if type_ == "VARCHAR":
        return cell
    if type_ == "TIMESTAMP WITH TIME ZONE":
        cell = f"{cell} AT TIME ZONE {sql_text(zone)}"
    if type_ in {"DOUBLE", "FLOAT"}:
        return (
            f"CASE WHEN abs({cell}) < {EXACT:.0f} AND {cell} = trunc({cell})"
            f" THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) ELSE upper(CAST({cell} AS VARCHAR)) END"
        )
    return f"CAST({cell} AS VARCHAR)"
