"""Write workbooks of exports: title rows, headings in two rows, totals below."""

from collections.abc import Sequence
from pathlib import Path


class Book:
    """A writer of the sheets of one workbook, which `close` writes.

    A heading `a/b` is one of two rows: `a` is merged over its neighbours with the same `a`.
    """

    def __init__(self, name: str, title: str = "", *, totals: bool = True) -> None:
        self.name = name
        self.title = title
        self.totals = totals
        self.sheets: dict[str, tuple[Sequence[str], Sequence[Sequence[str]]]] = {}

    def __call__(
        self, folder: Path, name: str, headings: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> None:
        self.sheets[name] = (headings, rows)

    def close(self, folder: Path) -> None:
        """Write the workbook."""
        import xlsxwriter

        book = xlsxwriter.Workbook(str(folder / f"{self.name}.xlsx"))
        for name, (headings, rows) in self.sheets.items():
            sheet = book.add_worksheet(name)
            line = 0
            if self.title:
                sheet.merge_range(0, 0, 0, len(headings) - 1, f"{self.title}{name}")
                line = 1
            if any("/" in heading for heading in headings):
                self._merged(sheet, line, [heading.rpartition("/")[0] for heading in headings])
                line += 1
            sheet.write_row(line, 0, [heading.rpartition("/")[2] for heading in headings])
            for at, row in enumerate(rows, line + 1):
                for column, text in enumerate(row):
                    if text:
                        sheet.write_string(at, column, text)
            if self.totals:
                sheet.write_string(line + 1 + len(rows), 0, "合计")
                sheet.write_number(line + 1 + len(rows), 1, len(rows))
        book.close()
        self.sheets.clear()

    def _merged(self, sheet: object, line: int, groups: Sequence[str]) -> None:
        start = 0
        for at in range(1, len(groups) + 1):
            if at == len(groups) or groups[at] != groups[start]:
                if at - start > 1:
                    sheet.merge_range(line, start, line, at - 1, groups[start])  # type: ignore[attr-defined]
                else:
                    sheet.write_string(line, start, groups[start])  # type: ignore[attr-defined]
                start = at
