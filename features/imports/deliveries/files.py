"""Look at the files of a delivery: are they whole, and which of them are new."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import GuanjiaError
from features.imports.deliveries.ledger import Ledger
from features.imports.mapping import Source
from features.imports.reading.encodings import opened
from features.imports.reading.odd_lines import REASONS
from features.imports.reading.readers import path_below
from features.imports.reading.text_tables import Part, TextTable
from features.lake import sha256_of
from features.sql import quoted

if TYPE_CHECKING:
    import duckdb

LINE_ENDS = (b"\n", b"\r", b"\n\0", b"\r\0")
"""Last bytes of a file that ends with a whole line; of UTF-16 too."""
PIECE = 1 << 20


@dataclass(frozen=True)
class FileState:
    """A file as it was when it was first looked at.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Its path below the folder of the delivery.
    bytes, modified : int
        Its size, and when it was last changed (nanoseconds).
    sha256 : str
        Hash of its bytes.
    """

    path: Path
    name: str
    bytes: int
    modified: int
    sha256: str


@dataclass(frozen=True)
class Choice:
    """Which files of a source are read.

    Attributes
    ----------
    read : list of FileState
        Files that are read.
    skipped : dict of str to str
        Files that were delivered before and are not read again -> why.
    mixed : bool
        True if files that were delivered before lie beside new ones, and nobody said what they are.
    """

    read: list[FileState]
    skipped: dict[str, str]
    mixed: bool = False


def look_at_files(paths: Iterable[Path], folder: Path) -> list[FileState]:
    """Hash files, and note their sizes and times before.

    Parameters
    ----------
    paths : iterable of Path
        The files.
    folder : Path
        The folder of the delivery.

    Raises
    ------
    GuanjiaError
        If a file changes meanwhile.
    """
    states = []
    for path in paths:
        before = path.stat()
        digest = sha256_of(path)
        states.append(
            FileState(path, path_below(path, folder), before.st_size, before.st_mtime_ns, digest)
        )
    refuse_changed(states)
    return states


def look_at_rows(con: "duckdb.DuckDBPyConnection", table: TextTable) -> FileState:
    """Hash the rows of a database, whatever their order, as if they were a file.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds the rows.
    table : TextTable
        The rows that were read.
    """
    cells = ", ".join(table.cell(heading) for heading in table.columns)
    rows, *sums = con.execute(
        f"SELECT count(*), bit_xor(hash({cells})), sum(hash({cells})) FROM {quoted(table.view)}"
    ).fetchone() or (0,)
    path = table.parts[0].path
    digest = hashlib.sha256(f"{rows} {sums}".encode()).hexdigest()
    return FileState(path, path.name, 0, 0, digest)


def refuse_changed(states: Iterable[FileState]) -> None:
    """Refuse files that are not as they were when they were first looked at.

    Raises
    ------
    GuanjiaError
        If a file has grown, was replaced, or is gone.
    """
    for state in states:
        now = state.path.stat() if state.path.exists() else None
        if now is None or (now.st_size, now.st_mtime_ns) != (state.bytes, state.modified):
            raise GuanjiaError(
                f"file {state.path}",
                "changed while it was read: it is still being delivered",
                "run the import again when it is whole; nothing was written",
            )


def refuse_half(part: Part, source: Source) -> None:
    """Refuse a text file that ends in the middle of a line.

    A last line without its end is no fault, and neither is a line of too few cells, which waits;
    both together are a file of which the end is missing.

    Parameters
    ----------
    part : Part
        The file as it was read.
    source : Source
        What it is.

    Raises
    ------
    GuanjiaError
        If the end of the file is missing.
    """
    if source.kind != "text" or not part.rejected:
        return
    last = part.rejected[-1]
    short = last.reason in (REASONS["MISSING COLUMNS"], REASONS["UNQUOTED VALUE"])
    if short and last.line + last.lines - 1 == part.lines and not _ends_with_line(part.path):
        raise GuanjiaError(
            f"file {part.path}",
            f"ends in the middle of line {part.lines:,}: its end is missing",
            "deliver it again; nothing was written",
        )


def choose_files(
    name: str, source: Source, states: Sequence[FileState], ledger: Ledger, mapping: str
) -> Choice:
    """Choose the files of a source that are read.

    Of increments those that were not read before. Of dumps those of the latest delivery, or new
    ones; an older dump says less than what is known.

    Parameters
    ----------
    name : str
        The source's name.
    source : Source
        How it is delivered.
    states : sequence of FileState
        Its files.
    ledger : Ledger
        What was delivered before.
    mapping : str
        Hash of what the mapping says about the source.
    """
    if source.earlier_files == "read":
        return Choice(list(states), {})
    if source.delivery == "increment":
        before = {state: ledger.find(name, state.sha256, mapping) for state in states}
        return _without(states, {state for state in states if before[state]}, name, ledger)
    latest = ledger.latest(name)
    newest = {file.sha256 for file in latest.files if file.source == name} if latest else set()
    known = {state for state in states if ledger.find(name, state.sha256)}
    old = {state for state in known if state.sha256 not in newest}
    if known and len(known) < len(states):
        chosen = _without(states, known, name, ledger)
        return Choice(chosen.read, chosen.skipped, mixed=source.earlier_files == "ask")
    return _without(states, old, name, ledger)


def _without(
    states: Sequence[FileState], known: set[FileState], name: str, ledger: Ledger
) -> Choice:
    """Leave known files out, each with the day on which it was delivered."""
    skipped = {}
    for state in states:
        entry = ledger.find(name, state.sha256) if state in known else None
        if entry is not None:
            day = f"{entry.delivered:%Y-%m-%d}"
            skipped[state.name] = f"delivered before, on {day}: it changes nothing"
    return Choice([state for state in states if state not in known], skipped)


def _ends_with_line(path: Path) -> bool:
    tail = b""
    with opened(path) as stream:
        if path.suffix.lower() != ".gz":
            stream.seek(max(0, path.stat().st_size - 4))
        while piece := stream.read(PIECE):
            tail = (tail + piece)[-4:]
    return tail.endswith(LINE_ENDS)
