"""Compare the layout of a file with what the mapping says: headings, encoding, delimiter."""

import codecs
import gzip
from collections.abc import Sequence
from dataclasses import dataclass

from features.errors import GuanjiaError
from features.imports.deliveries.drift import Drift
from features.imports.deliveries.files import FileState
from features.imports.deliveries.renames import propose_renames
from features.imports.mapping import Mapping, Source
from features.imports.mapping_text import toml_key, toml_value
from features.imports.reading.describe import LOOKED_AT, describe_file
from features.imports.reading.dialects import Dialect, split_lines
from features.imports.reading.encodings import ASK, opened, read_lines
from features.imports.reading.layout import find_headings
from features.imports.reading.readers import parquet_columns
from features.imports.reading.workbooks import read_sheets
from features.lake import Lake
from features.sql import sql_text

HEAD = 1_000_000
"""Bytes of a file in which UTF-8 is looked for."""
ALIKE = 0.5
"""Share of its headings that a file must have to be one of its source."""


@dataclass(frozen=True)
class FileLayout:
    """How a file is laid out.

    Attributes
    ----------
    source : Source
        The source as this file has it: `columns` are its own headings.
    rows : list of list of str
        Its first rows below the headings.
    readable : bool
        False if it is not a file of the source at all.
    drifts : list of Drift
        How it differs from what the mapping says.
    """

    source: Source
    rows: list[list[str]]
    readable: bool
    drifts: list[Drift]


def compare_layout(lake: Lake, mapping: Mapping, name: str, state: FileState) -> FileLayout:
    """Compare a file with its source.

    Parameters
    ----------
    lake : Lake
        Whose engine reads Parquet files, and whose raw tables say what is known.
    mapping : Mapping
        The mapping.
    name : str
        The source.
    state : FileState
        The file.

    Raises
    ------
    GuanjiaError
        If the file cannot be read at all.
    """
    source = mapping.sources[name]
    layout, rows = _look(lake, source, state)
    headings = [source.renamed.get(heading, heading) for heading in layout.columns]
    present = sum(heading in headings for heading in source.columns)
    tables = tuple(mapping.tables_of(name))
    section = f"[sources.{toml_key(name)}]"
    if layout.columns and source.columns and present < ALIKE * len(source.columns):
        drift = Drift(
            "layout", name, tables,
            before=", ".join(source.columns[:4]), now=", ".join(layout.columns[:4]),
            effect="the file is not read", section=section,
            line="", file=state.name,
        )  # fmt: skip
        return FileLayout(source, [], readable=False, drifts=[drift])
    drifts = [
        Drift(
            field, name, tables, before=repr(getattr(source, field)),
            now=repr(getattr(layout, field)), effect="the file is read by it", section=section,
            line=f"{field} = {toml_value(getattr(layout, field))}", file=state.name,
        )
        for field in ("encoding", "delimiter")
        if getattr(source, field) != getattr(layout, field)
    ]  # fmt: skip
    drifts += _columns(lake, mapping, name, state, headings, rows)
    return FileLayout(layout, rows, readable=True, drifts=drifts)


def _columns(
    lake: Lake,
    mapping: Mapping,
    name: str,
    state: FileState,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> list[Drift]:
    """List new, missing and renamed columns of a file."""
    source = mapping.sources[name]
    if not headings:
        return []
    section = f"[sources.{toml_key(name)}]"
    new = [h for h in headings if h not in source.columns and h not in source.new_columns]
    gone = [h for h in source.columns if h not in headings and h not in source.absent]
    places = {h: place for place, h in enumerate(headings)}
    samples = {
        h: [row[places[h]] for row in rows if any(row[places[h] : places[h] + 1])] for h in new
    }
    pairs = propose_renames(lake, mapping, name, gone, samples)
    drifts = []
    for heading in gone:
        tables = _readers(mapping, name, heading)
        if heading in pairs:
            renamed = source.renamed | {new_name: old for old, new_name in pairs.items()}
            inner = ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in renamed.items())
            kind, now, line = "renamed_column", pairs[heading], f"renamed = {{{inner}}}"
        else:
            absent = [*source.absent, *(h for h in gone if h not in pairs)]
            kind, now, line = "absent_column", "missing", f"absent = {toml_value(absent)}"
        effect = "its cells are empty; a row that needs it waits"
        drifts.append(
            Drift(
                kind, name, tables, before=heading, now=now, effect=effect, section=section,
                line=line, file=state.name,
            )
        )  # fmt: skip
    unknown = [h for h in new if h not in pairs.values()]
    line = f"new_columns = {toml_value([*source.new_columns, *unknown])}"
    tables = tuple(mapping.tables_of(name))
    return drifts + [
        Drift(
            "new_column", name, tables, before="none", now=h, effect="it is not read",
            section=section, line=line, file=state.name,
        )
        for h in unknown
    ]  # fmt: skip


def _readers(mapping: Mapping, source: str, heading: str) -> tuple[str, ...]:
    """List the raw tables that read a heading of a source."""
    return tuple(
        dict.fromkeys(
            part.name
            for part in mapping.tables
            if part.source == source
            for column in part.columns.values()
            if heading == column.heading or heading in (column.latest or ())
        )
    )


def _look(lake: Lake, source: Source, state: FileState) -> tuple[Source, list[list[str]]]:
    """Return a source as a file has it, and the first rows of the file."""
    if source.kind == "parquet":
        columns = tuple(parquet_columns(lake.con, state.path))
        cells = lake.con.execute(
            f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet({sql_text(state.path)})"
            f" LIMIT {LOOKED_AT}"
        ).fetchall()
        return source.model_copy(update={"columns": columns}), [
            list(map(_text, row)) for row in cells
        ]
    if source.kind == "workbook":
        return _look_at_sheet(source, state)
    try:
        layout, rows = _look_at_text(source, state)
        return (layout, rows) if layout is not None else _describe_anew(lake, source, state)
    except (EOFError, gzip.BadGzipFile):
        return source, []  # the reader says that it is cut off


def _describe_anew(lake: Lake, source: Source, state: FileState) -> tuple[Source, list[list[str]]]:
    """Describe a text file that is not as its source says."""
    (described, *_) = describe_file(lake, state.path)
    if described.source.encoding == ASK or not described.source.columns:
        return source, []  # the reader names the line that cannot be decoded
    fields = ("delimiter", "quote", "heading_row", "heading_rows", "columns")
    update = {field: getattr(described.source, field) for field in fields}
    if not described.ascii:
        update["encoding"] = described.source.encoding
    layout = source.model_copy(update=update)
    lines = read_lines(state.path, layout.encoding, LOOKED_AT)
    records = split_lines(lines, Dialect(layout.delimiter, layout.quote))
    return layout, _below(records, layout)


def _look_at_text(source: Source, state: FileState) -> tuple[Source | None, list[list[str]]]:
    """Read a file as its source says; None: its headings are not of the source."""
    if source.encoding == ASK:
        return source, []  # the reader says what to do
    lines = read_lines(state.path, source.encoding, LOOKED_AT)
    lines[:1] = [line.removeprefix("\ufeff") for line in lines[:1]]
    records = split_lines(lines, Dialect(source.delimiter, source.quote))
    if source.heading_rows == 0 or not any(cells for _, cells in records):
        return source, _below(records, source)
    if _has_other_encoding(state, source):
        return None, []
    here = [cells for end, cells in records if end >= source.heading_row]
    if source.heading_rows == 1 and here and find_headings([here[0]]).names == source.columns:
        return source, _below(records, source)
    headings = find_headings([cells for _, cells in records])
    names = {source.renamed.get(heading, heading) for heading in headings.names}
    if not headings.rows or len(names & set(source.columns)) < ALIKE * len(source.columns):
        return None, []
    above = records[headings.row - 1][0] if headings.row else 0
    below = records[headings.row + headings.rows - 1][0]
    layout = source.model_copy(
        update={"heading_row": above + 1, "heading_rows": below - above, "columns": headings.names}
    )
    return layout, _below(records, layout)


def _look_at_sheet(source: Source, state: FileState) -> tuple[Source, list[list[str]]]:
    sheets = {sheet.name: sheet for sheet in read_sheets(state.path)}
    if source.sheet not in sheets:
        raise GuanjiaError(
            f"workbook {state.path}",
            f"has no sheet {source.sheet}",
            f"name one of {', '.join(sheets)} in the mapping",
        )
    sheet = sheets[source.sheet]
    headings = find_headings(sheet.rows[:LOOKED_AT], sheet.spans)
    if source.heading_rows == 0 or not headings.rows:
        return source, sheet.rows[:LOOKED_AT]
    first = headings.row + headings.rows
    update = {
        "heading_row": headings.row + 1,
        "heading_rows": headings.rows,
        "columns": headings.names,
    }
    return source.model_copy(update=update), sheet.rows[first : first + LOOKED_AT]


def _below(records: Sequence[tuple[int, list[str]]], layout: Source) -> list[list[str]]:
    last = layout.heading_row + layout.heading_rows - 1
    return [cells for end, cells in records if end > last]


def _has_other_encoding(state: FileState, source: Source) -> bool:
    """Check whether a file is not of the encoding of its source, or is UTF-8 instead."""
    with opened(state.path) as stream:
        head = stream.read(HEAD)
    if _decoded(head, source.encoding) is None:
        return True
    # Chinese in GB18030 is never valid UTF-8, but UTF-8 may be valid GB18030.
    is_utf = codecs.lookup(source.encoding).name.startswith("utf")
    return not is_utf and not (_decoded(head, "utf-8") or "").isascii()


def _decoded(head: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)("strict").decode(head)
    except (UnicodeDecodeError, LookupError):
        return None


def _text(value: object) -> str:
    return "" if value is None else str(value)
