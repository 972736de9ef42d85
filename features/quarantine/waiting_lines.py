"""Read the lines of the last import that are no rows of their files."""

import json
from dataclasses import dataclass
from datetime import datetime

from features.checking.settled_rows import read_settled
from features.imports.waiting_rows import line_id, lines_file
from features.lake import Lake


@dataclass(frozen=True)
class WaitingLine:
    """A line of an import that is no row of its file.

    Attributes
    ----------
    row_id : str
        Hash of its text; "" where an erasure removed the text.
    file : str
        Name of its file.
    line : int
        Its number there, from 1.
    reason : str
        What does not fit, as a sentence.
    text : str
        The line as delivered.
    source : str or None
        The source of the mapping that read the file.
    delivered : datetime or None
        When the file was delivered.
    """

    row_id: str
    file: str
    line: int
    reason: str
    text: str
    source: str | None
    delivered: datetime | None


def waiting_lines(lake: Lake) -> list[WaitingLine]:
    """Read the lines of the last import that are no rows and were not settled."""
    path = lines_file(lake)
    if not path.exists():
        return []
    settled, lines = read_settled(lake), []
    for entry in map(json.loads, path.read_text("utf-8").splitlines()):
        text, since = entry["text"], entry.get("delivered")
        line = WaitingLine(
            row_id="" if text is None else line_id(lake, text),
            file=entry["file"],
            line=entry["line"],
            reason=entry["reason"],
            text=text or "",
            source=entry.get("source"),
            delivered=None if since is None else datetime.fromisoformat(since),
        )
        if line.row_id not in settled:
            lines.append(line)
    return lines
