"""Render a report as one page in Chinese (`page.html` filled in): no network, no script, A4."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving.reports.output.sections import Cell, Percent, Section, shown_rows

PRINTED_ROWS = 4
"""Rows of a table that are printed beside the last one, so that a report fits on a sheet of A4; the
screen and the exports have more."""
LONGEST_CELL = 40
"""Characters from which a cell is set small and broken."""


def render_page(title: str, known: Sequence[str], sections: Sequence[Section]) -> str:
    """Render sections as HTML text.

    Parameters
    ----------
    title : str
        Heading of the page.
    known : sequence of str
        Sentences on what is in it.
    sections : sequence of Section
        The parts; the sentences of the first stand above all.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": shown_rows,
        "hidden": lambda section: len(section.rows) - len(shown_rows(section)),
        "kind": _kind,
        "text": cell_text,
    }
    return environment.get_template("page.html").render(
        title=title,
        known=known,
        sections=sections,
        most=PRINTED_ROWS,
    )


def cell_text(value: Cell) -> str:
    """Write a cell as a Chinese reader reads it.

    Parameters
    ----------
    value : str, int, float, Percent, date or None
        The cell.

    Examples
    --------
    >>> cell_text(1234567), cell_text(None), cell_text(Percent(0.5))
    ('1,234,567', '—', '50.0%')
    """
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return f"{value:,}"
    return str(value)


def _kind(value: Cell) -> str:
    if isinstance(value, int | float | Percent):
        return "number"
    return "condition" if isinstance(value, str) and len(value) > LONGEST_CELL else ""
