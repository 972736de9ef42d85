"""Describe the files of a folder as sources: encoding, dialect, sheet and headings of each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading.dialects import find_dialect, split_lines
from features.imports.reading.encodings import ASK, Reading, find_encoding, read_lines
from features.imports.reading.layout import find_headings
from features.imports.reading.readers import (
    kind_of,
    list_files,
    matches,
    parquet_columns,
    path_below,
)
from features.imports.reading.workbooks import read_sheets
from features.lake import Lake

LOOKED_AT = 300
"""Lines and rows in which dialect and headings are looked for."""


@dataclass(frozen=True)
class Layout:
    """One table-like part of a file: the file itself, or a sheet of it.

    Attributes
    ----------
    path : Path
        The file.
    source : Source
        How it is read.
    notes : tuple of str
        Why it is read so, and what is odd.
    sure : bool
        False if a person should look at it.
    ascii : bool
        True if its bytes are of every encoding.
    """

    path: Path
    source: Source
    notes: tuple[str, ...] = ()
    sure: bool = True
    ascii: bool = False


@dataclass(frozen=True)
class Described:
    """The files of a delivery.

    Attributes
    ----------
    sources : dict of str to Source
        By name.
    notes : dict of str to list of str
        Source -> why it is read so, and what is odd.
    look : set of str
        Sources that a person should look at.
    unread : dict of str to str
        Files that are none -> why.
    """

    sources: dict[str, Source]
    notes: dict[str, list[str]]
    look: set[str]
    unread: dict[str, str]


def describe(lake: Lake, folder: Path, encoding: str | None = None) -> Described:
    """Describe the files of a delivery; files of one layout are one source.

    Parameters
    ----------
    lake : Lake
        Whose engine reads Parquet files.
    folder : Path
        The delivery: a folder or a file.
    encoding : str, optional
        Encoding of the text files that do not tell theirs.
    """
    layouts: list[Layout] = []
    unread: dict[str, str] = {}
    for path in list_files(folder):
        if kind_of(path) is None:
            unread[path_below(path, folder)] = "not a kind of file that is read, or a lock file"
            continue
        try:
            parts = describe_file(lake, path, encoding)
        except GuanjiaError as fault:
            unread[path_below(path, folder)] = f"{fault.fault}: {fault.cure}"
            continue
        for layout in parts:
            if layout.source.columns:
                layouts.append(layout)
            else:
                name = path_below(path, folder)
                sheet = f", sheet {layout.source.sheet}" if layout.source.sheet else ""
                unread[name + sheet] = "; ".join(layout.notes) or "it is empty"
    return _grouped(layouts, folder, unread)


def describe_file(lake: Lake, path: Path, encoding: str | None = None) -> list[Layout]:
    """Describe one file: a layout, or one a sheet.

    Parameters
    ----------
    lake : Lake
        Whose engine reads Parquet files.
    path : Path
        The file, of a kind that is read.
    encoding : str, optional
        Encoding of a text file that does not tell its own.
    """
    describers = {"text": _text, "workbook": _workbook, "parquet": _parquet}
    return describers[kind_of(path) or "text"](lake, path, encoding)


def _text(lake: Lake, path: Path, encoding: str | None) -> list[Layout]:  # noqa: ARG001
    reading = find_encoding(path)
    if reading.encoding == ASK:
        if encoding is None:
            why = f"its encoding has to be said, for {reading.why}: plan again with --encoding"
            return [Layout(path, Source(files=(), kind="text", encoding=ASK, columns=()), (why,))]
        reading = Reading(encoding, "said by the user")
    lines = read_lines(path, reading.encoding, LOOKED_AT)
    dialect = find_dialect(lines)
    records = split_lines(lines, dialect)
    headings = find_headings([cells for _, cells in records])
    above = records[headings.row - 1][0] if headings.row else 0
    below = records[headings.row + headings.rows - 1][0] if headings.rows else above
    notes = [f"{reading.encoding}: {reading.why}"]
    if not dialect.sure:
        notes.append(f"cells may be separated otherwise than by {dialect.delimiter!r}")
    if not headings.rows:
        notes.append("no headings: the columns are numbered")
    source = Source(
        files=(),
        kind="text",
        encoding=reading.encoding,
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        heading_row=above + 1,
        heading_rows=below - above,
        columns=headings.names,
    )
    plain = "ASCII" in reading.why
    return [Layout(path, source, tuple(notes), dialect.sure and headings.rows > 0, plain)]


def _workbook(lake: Lake, path: Path, encoding: str | None) -> list[Layout]:  # noqa: ARG001
    layouts = []
    for sheet in read_sheets(path):
        headings = find_headings(sheet.rows[:LOOKED_AT], sheet.spans)
        filled = sum(any(row) for row in sheet.rows)
        notes = list(sheet.notes)
        if filled <= headings.row + headings.rows:
            notes.append(f"sheet {sheet.name} holds no rows below headings")
        source = Source(
            files=(),
            kind="workbook",
            sheet=sheet.name,
            heading_row=headings.row + 1,
            heading_rows=headings.rows,
            columns=headings.names if filled > headings.row + headings.rows else (),
        )
        layouts.append(Layout(path, source, tuple(notes), headings.rows > 0))
    return layouts


def _parquet(lake: Lake, path: Path, encoding: str | None) -> list[Layout]:  # noqa: ARG001
    columns = tuple(parquet_columns(lake.con, path))
    return [Layout(path, Source(files=(), kind="parquet", heading_rows=0, columns=columns))]


def _grouped(layouts: Sequence[Layout], folder: Path, unread: dict[str, str]) -> Described:
    """Make sources of the layouts: those that differ in their file alone are one."""
    groups: dict[tuple[object, ...], list[Layout]] = {}
    for layout in layouts:
        source = layout.source
        # An ASCII file is of every encoding: it joins the others of its layout.
        alike = source.model_copy(update={"encoding": ""})
        groups.setdefault((alike.model_dump_json(),), []).append(layout)
    described = Described({}, {}, set(), unread)
    for members in groups.values():
        encodings = {m.source.encoding for m in members if not m.ascii} or {"utf-8"}
        for encoding in sorted(encodings):
            theirs = [
                m
                for m in members
                if m.source.encoding == encoding or (m.ascii and encoding == min(encodings))
            ]
            if theirs:
                _add(described, theirs, encoding, folder, layouts)
    return described


def _add(
    described: Described,
    members: Sequence[Layout],
    encoding: str,
    folder: Path,
    layouts: Sequence[Layout],
) -> None:
    paths = [member.path for member in members]
    others = [path_below(layout.path, folder) for layout in layouts if layout.path not in paths]
    patterns = tuple(dict.fromkeys(_pattern(path_below(path, folder), others) for path in paths))
    source = members[0].source.model_copy(update={"files": patterns, "encoding": encoding})
    name = _name(paths[0], source, described.sources, layouts)
    described.sources[name] = source
    described.notes[name] = list(dict.fromkeys(note for m in members for note in m.notes))
    if not all(member.sure for member in members):
        described.look.add(name)


def _pattern(name: str, others: Sequence[str]) -> str:
    """Write a file's name with `*` for its day, unless that takes in a file of another source."""
    literal = name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
    pattern = re.sub(r"\d{4}(?:[-_.]?\d{2}){0,2}\d*|\d{4,}", "*", literal)
    return literal if any(matches(other, (pattern,)) for other in others) else pattern


def _name(path: Path, source: Source, others: dict[str, Source], layouts: Sequence[Layout]) -> str:
    stem = path.name.partition(".")[0]
    sheets = {layout.source.sheet for layout in layouts if layout.path == path}
    stem = str(source.sheet) if len(sheets) > 1 else stem
    base = re.sub(r"[\W\d_]+$", "", stem) or stem or "source"
    name, number = base, 1
    while name in others:
        number += 1
        name = f"{base} {number}"
    return name
