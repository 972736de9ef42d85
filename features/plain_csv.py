"""Parse the lines of a delimited file at once, where each line is a row and nothing is odd."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv

NEWLINE = 10


def parse_plain_lines(
    data: bytes,
    names: Sequence[str],
    delimiter: str = ",",
    quote: str = '"',
    encoding: str = "utf-8",
) -> pa.Table | None:
    """Parse whole lines as a table of texts; None if one of them has to be looked at.

    Lines are plain if each is a row of as many cells as there are names, none is blank, and quotes
    stand around whole cells of one line, with none inside.

    Parameters
    ----------
    data : bytes
        The text; each line ends with a newline.
    names : sequence of str
        Names of the columns: two at least, or nothing is plain.
    delimiter, quote : str
        What separates and encloses cells; "" for `quote`: nothing does.
    encoding : str
        Of the text: one that keeps the bytes below "0" for ASCII.

    Returns
    -------
    pyarrow.Table or None
        An empty cell is null.
    """
    if len(names) < 2 or not _is_plain(data, delimiter, quote, encoding):
        return None
    enclosed = bool(quote) and quote.encode() in data
    try:
        table = pa.csv.read_csv(
            pa.py_buffer(data),
            pa.csv.ReadOptions(
                column_names=list(names), block_size=len(data) + 1, use_threads=False
            ),
            pa.csv.ParseOptions(
                delimiter=delimiter,
                quote_char=quote if enclosed else False,
                newlines_in_values=enclosed,
            ),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        # As many rows as lines: none is blank, and no cell goes on in the next line.
        if table.num_rows != data.count(b"\n"):
            return None
        texts = [_text(column.combine_chunks(), encoding) for column in table.columns]
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None  # a row of more or fewer cells; bytes that are no text
    return pa.table(texts, list(names))


def _text(cells: pa.Array, encoding: str) -> pa.Array:
    """Decode cells strictly: each value once, for most columns beyond ASCII have few of them."""
    _, _, letters = cells.buffers()
    if encoding == "utf-8" or letters is None or memoryview(letters).tobytes().isascii():
        return cells.cast(pa.string())
    listed = cells.dictionary_encode()
    values = listed.dictionary.to_pylist()
    text = b"\n".join(values).decode(encoding)
    return pa.array(text.split("\n"), pa.string()).take(listed.indices)


def _is_plain(data: bytes, delimiter: str, quote: str, encoding: str) -> bool:
    """Check the marks of a dialect, and where they stand."""
    marks = (delimiter + quote).encode()
    if len(delimiter.encode()) != 1 or len(marks) > 2 or b"\0" in data:
        return False
    if encoding != "utf-8" and max(marks) >= ord("0") and delimiter != ";":
        return False  # the byte of a bar may be half of a Chinese character
    if not quote or quote.encode() not in data:
        return True
    return data.endswith(b"\n") and _quotes_enclose_cells(data, ord(delimiter), ord(quote))


def _quotes_enclose_cells(data: bytes, delimiter: int, quote: int) -> bool:
    """Check that quotes alternate: one that only begins a cell, one that only ends it."""
    letters = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(letters == quote)
    # The last letter is a newline: it stands before the first, too.
    before, after = letters[places - 1], letters[places + 1]
    begins = (before == delimiter) | (before == NEWLINE)
    ends = (after == delimiter) | (after == NEWLINE)
    return bool(
        len(places) % 2 == 0
        and begins[0::2].all()
        and not ends[0::2].any()
        and ends[1::2].all()
        and not begins[1::2].any()
    )
