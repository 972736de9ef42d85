"""Read text files into the engine, as their source in the mapping says."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from features.errors import GuanjiaError
from features.imports.mapping import Source
from features.imports.reading.encodings import (
    ASK,
    decode_pieces,
    piece_encoding,
    read_pieces,
)
from features.imports.reading.held_rows import hold_rows
from features.imports.reading.odd_lines import read_odd_lines
from features.imports.reading.text_tables import LINE, Part, replace_part
from features.plain_csv import parse_plain_lines
from features.sql import quoted

if TYPE_CHECKING:
    import duckdb

AHEAD = 2
"""Pieces that are parsed while the engine takes the one before."""


def read_text_file(
    con: "duckdb.DuckDBPyConnection", path: Path, source: Source, table: str, scratch: Path
) -> Part:
    """Read a text file into a table of c0, c1, ... and `LINE`.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Gets the table.
    path : Path
        The file.
    source : Source
        Its encoding, dialect and headings.
    table : str
        Name of the table.
    scratch : Path
        Folder for the lines that are not plain, while they are read.

    Raises
    ------
    GuanjiaError
        If the encoding is not said, a byte is not of it, or lines are not accounted for.
    """
    if source.encoding == ASK:
        raise GuanjiaError(
            f"file {path}",
            "does not tell its encoding",
            'replace encoding = "ask" in the mapping: gb18030, big5, utf-8, utf-16-le, ...',
        )
    part = Part(path, 0)
    headings = source.heading_row - 1 + source.heading_rows
    pieces = _below(read_pieces(path, source.encoding), headings, part)
    plain = _PlainRows(pieces, source, headings + 1)
    hold_rows(con, table, plain.schema, plain.batches)
    if plain.fault is not None:
        raise plain.fault
    part.left_out["titles and headings"] = min(headings, part.lines)
    if plain.odd:
        rest = decode_pieces(path, source.encoding, chain(plain.odd, pieces))
        _insert_odd(con, rest, source, table, part, plain.line, scratch)
    return part


def _below(pieces: Iterable[bytes], headings: int, part: Part) -> Iterator[bytes]:
    """Yield the lines below the headings, and count all in `part.lines`."""
    for piece in pieces:
        left, lines = max(headings - part.lines, 0), piece.count(b"\n")
        part.lines += lines
        if left < lines:
            yield piece.split(b"\n", left)[left] if left else piece


class _PlainRows:
    """Rows of pieces up to the first that is not plain, handed to the engine as it asks for them.

    Attributes
    ----------
    schema : pyarrow.Schema
        `LINE`, c0, c1, ...
    batches : iterator of pyarrow.RecordBatch
        The rows.
    line : int
        Number of the line after the last row.
    odd : list of bytes
        The piece that is not plain, and those that were read ahead; empty: all are plain.
    fault : GuanjiaError, optional
        Why the pieces ended; the engine would hide its words.
    """

    def __init__(self, pieces: Iterator[bytes], source: Source, line: int) -> None:
        self._pieces, self._source = pieces, source
        self.line = line
        self.odd: list[bytes] = []
        self.fault: GuanjiaError | None = None
        self._begun: deque[tuple[bytes, Future[pa.Table | None]]] = deque()
        self._names = [f"c{place}" for place in range(len(source.columns))]
        texts = ((name, pa.string()) for name in self._names)
        self.schema = pa.schema([(LINE, pa.int64()), *texts])
        self.batches = self._batches()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for piece, rows in self._parsed():
                if rows is None:
                    self.odd = [piece, *(ahead for ahead, _ in self._begun)]
                    return
                lines = pa.array(np.arange(self.line, self.line + rows.num_rows))
                self.line += rows.num_rows
                yield from rows.add_column(0, LINE, lines).to_batches()
        except GuanjiaError as fault:
            self.fault = fault

    def _parsed(self) -> Iterator[tuple[bytes, pa.Table | None]]:
        """Yield each piece with its rows; the next ones are parsed meanwhile."""
        source, encoding = self._source, piece_encoding(self._source.encoding)
        dialect = (self._names, source.delimiter, source.quote, encoding)
        with ThreadPoolExecutor(AHEAD) as pool:
            for piece in self._pieces:
                self._begun.append((piece, pool.submit(parse_plain_lines, piece, *dialect)))
                if len(self._begun) > AHEAD:
                    first, parsed = self._begun.popleft()
                    yield first, parsed.result()
            while self._begun:
                first, parsed = self._begun.popleft()
                yield first, parsed.result()


def _insert_odd(
    con: "duckdb.DuckDBPyConnection",
    pieces: Iterable[bytes],
    source: Source,
    table: str,
    part: Part,
    first: int,
    scratch: Path,
) -> None:
    """Insert pieces in which not all lines are plain, the first of them number `first`."""
    copy, odd = scratch / "import.csv", f"{table}_odd"
    try:
        with copy.open("wb") as stream:
            stream.writelines(pieces)
        read_odd_lines(con, copy, source, odd, part, first)
    finally:
        copy.unlink(missing_ok=True)
    replace_part(con, table, f"FROM {quoted(table)}")
    con.execute(f"INSERT INTO {quoted(table)} FROM {quoted(odd)}; DROP TABLE {quoted(odd)}")
