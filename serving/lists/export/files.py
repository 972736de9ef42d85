"""Write an export to a file; the ending of its name says in which format."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError
from features.publishing import published
from serving.lists.export.about import AboutExport
from serving.lists.export.columns import ExportColumn
from serving.lists.export.streams import (
    Encoding,
    Rows,
    stream_csv,
    stream_json,
    stream_json_lines,
)


@dataclass(frozen=True)
class ExportFile:
    """A file that was written.

    Attributes
    ----------
    path : Path
        The file; only its owner may read it.
    format : str
        csv, xlsx, parquet, ndjson or json.
    export_id : str
        Number of the export.
    rows : int
        Rows, without headings.
    """

    path: Path
    format: str
    export_id: str
    rows: int


Writer = Callable[[Path, Sequence[ExportColumn], Rows, AboutExport], None]


def write_export(
    path: Path,
    columns: Sequence[ExportColumn],
    rows: Rows,
    about: AboutExport,
    encoding: Encoding = "utf-8",
) -> ExportFile:
    """Write rows to a file, all of them or none.

    Parameters
    ----------
    path : Path
        The file: .csv, .xlsx, .parquet, .ndjson (or .jsonl) or .json.
    columns : sequence of ExportColumn
        The columns.
    rows : iterable of sequence
        One value a column; they are not held in memory.
    about : AboutExport
        How the export was made.
    encoding : {"utf-8", "gb18030"}
        Of CSV.

    Raises
    ------
    GuanjiaError
        If the ending is another one, a value is of another kind than its column, or there are more
        rows than a sheet of Excel takes.
    """
    kind = export_format(path)
    if encoding != "utf-8" and kind != "csv":
        raise GuanjiaError(f"encoding {encoding}", f"is not one of {kind}", "leave it out")
    count = 0

    def counted() -> Iterator[Sequence[Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    with published(path) as draft:
        if kind == "csv":
            _write(draft, stream_csv(columns, counted(), about, encoding))
        elif kind in STREAMS:
            _write(draft, STREAMS[kind](columns, counted(), about))
        else:
            WRITERS[kind](draft, columns, counted(), about)
    return ExportFile(path, kind, about.export_id, count)


def export_format(path: Path) -> str:
    """Return the format that the ending of a file name stands for.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    GuanjiaError
        If it stands for none.
    """
    ending = re.sub("^jsonl$", "ndjson", path.suffix.lower().lstrip("."))
    if ending not in FORMATS:
        given = f"has the ending {path.suffix}" if path.suffix else "has no ending"
        cure = f"give it one of {', '.join(f'.{name}' for name in FORMATS)}"
        raise GuanjiaError(f"file {path}", f"{given}, which is no format of an export", cure)
    return ending


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def _write_excel(
    path: Path, columns: Sequence[ExportColumn], rows: Rows, about: AboutExport
) -> None:
    from serving.lists.export.excel import write_excel

    write_excel(path, columns, rows, about)


def _write_parquet(
    path: Path, columns: Sequence[ExportColumn], rows: Rows, about: AboutExport
) -> None:
    from serving.lists.export.parquet import write_parquet

    write_parquet(path, columns, rows, about)


WRITERS: Mapping[str, Writer] = {
    "xlsx": _write_excel,
    "parquet": _write_parquet,
}
STREAMS = {"ndjson": stream_json_lines, "json": stream_json}
FORMATS = ("csv", *WRITERS, *STREAMS)
