"""Write a minimal workbook in the binary format of Excel (.xlsb, MS-XLSB): texts and numbers."""

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

BUNDLE, BEGIN_BOOK, END_BOOK, BEGIN_SHEETS, END_SHEETS = 156, 131, 132, 143, 144
BEGIN_SHEET, END_SHEET, DIMENSION, BEGIN_DATA, END_DATA = 129, 130, 148, 145, 146
ROW, REAL, TEXT = 0, 5, 6
OFFICE = "http://schemas.openxmlformats.org"


def write_xlsb(path: Path, name: str, rows: Sequence[Sequence[str | float]]) -> None:
    """Write a workbook with one sheet; an empty text is an empty cell."""
    book = b"".join(
        (
            record(BEGIN_BOOK), record(BEGIN_SHEETS),
            record(BUNDLE, struct.pack("<II", 0, 1) + text("rId1") + text(name)),
            record(END_SHEETS), record(END_BOOK),
        )
    )  # fmt: skip
    width = max(map(len, rows))
    data = [
        record(BEGIN_SHEET),
        record(DIMENSION, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1)),
        record(BEGIN_DATA),
    ]
    for number, row in enumerate(rows):
        data.append(record(ROW, struct.pack("<IIHHBI", number, 0, 300, 0, 0, 0)))
        for column, cell in enumerate(row):
            place = struct.pack("<II", column, 0)
            if isinstance(cell, float):
                data.append(record(REAL, place + struct.pack("<d", cell)))
            elif cell:
                data.append(record(TEXT, place + text(cell)))
    data += [record(END_DATA), record(END_SHEET)]
    binary = "application/vnd.ms-excel"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{OFFICE}/package/2006/content-types">'
            f'<Override PartName="/xl/workbook.bin" ContentType="{binary}.sheet.binary.main"/>'
            f'<Override PartName="/xl/worksheets/sheet1.bin" ContentType="{binary}.worksheet"/>'
            "</Types>",
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{OFFICE}/package/2006/relationships"><Relationship Id="rId1"'
            f' Type="{OFFICE}/officeDocument/2006/relationships/worksheet"'
            ' Target="worksheets/sheet1.bin"/></Relationships>',
        )
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", b"".join(data))


def record(kind: int, data: bytes = b"") -> bytes:
    """A record: its kind and length in groups of seven bits, and its bytes."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    size, length = b"", len(data)
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return head + size + bytes([length]) + data


def text(value: str) -> bytes:
    """A text: its length in code units of UTF-16, and these."""
    return struct.pack("<I", len(value.encode("utf-16-le")) // 2) + value.encode("utf-16-le")
