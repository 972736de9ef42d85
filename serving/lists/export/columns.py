"""Describe the columns of an export: headings, kinds of values, and what is personal in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from features.errors import GuanjiaError
from features.tags.declare import Tag
from serving.lists.export.masking import Mask, masked
from serving.tag_words import CATEGORIES, chinese_unit, is_absent

Kind = Literal["text", "id", "phone", "number", "money", "percent", "date", "yes or no"]
NUMBERS = ("number", "money", "percent")
TEXTS = ("text", "id", "phone")
EXPORT_HEADING = "导出号"
"""Heading of the number of the export, which every row bears."""


@dataclass(frozen=True)
class ExportColumn:
    """One column of an export.

    Attributes
    ----------
    name : str
        Name in JSON and Parquet.
    heading : str
        Chinese heading in CSV and Excel; a unit in parentheses.
    kind : str
        text; id (digits that are no number: a policy, a customer); phone; number; money (yuan);
        percent (a share, 0.6 for 60%); date; yes or no.
    digits : int
        Decimals of numbers in CSV; Excel shows as many.
    personal : str or None
        How the value is masked; None: it is not personal.
    words : mapping of str to str
        Code -> what people read, for texts.
    """

    name: str
    heading: str
    kind: Kind = "text"
    digits: int = 0
    personal: Mask | None = None
    words: Mapping[str, str] = field(default_factory=dict, hash=False)


def tag_column(tag: Tag) -> ExportColumn:
    """Describe the column of a tag: a number with its unit in the heading, or words of its codes.

    Parameters
    ----------
    tag : Tag
        The tag; its values are given to the export as they are in the snapshot.
    """
    if tag.type == "boolean":
        return ExportColumn(tag.name, tag.label, "yes or no")
    if tag.type == "string":
        return ExportColumn(tag.name, tag.label, "text", words=CATEGORIES)
    if tag.unit in ("share", "change"):
        return ExportColumn(tag.name, tag.label, "percent", digits=4)
    unit = chinese_unit(tag.unit, tag.label)
    heading = f"{tag.label}（{unit}）" if unit else tag.label
    kind: Kind = "money" if tag.unit == "yuan" else "number"
    is_whole = tag.type == "int64" or tag.unit == "days"
    return ExportColumn(tag.name, heading, kind, digits=0 if is_whole else 2)


def shown_value(column: ExportColumn, value: Any, mask: bool) -> Any:
    """Return a value as an export holds it.

    Parameters
    ----------
    column : ExportColumn
        Its column.
    value : object
        The value; absent values are None, NaN or NA.
    mask : bool
        Mask it where the column is personal.

    Returns
    -------
    str, int, float, Decimal, date, bool or None
        A number for numbers, a date for dates, a bool for yes or no, a text for the rest.

    Raises
    ------
    GuanjiaError
        If the value is of another kind than its column.
    """
    if is_absent(value):
        return None
    if column.personal is not None and mask:
        return masked(str(value), column.personal)
    if column.kind in TEXTS:
        text = str(value).replace("\x00", "")
        return column.words.get(text, text)
    if column.kind == "yes or no" and isinstance(value, bool):
        return value
    if column.kind == "date" and isinstance(value, date):
        return value
    if (
        column.kind in NUMBERS
        and isinstance(value, int | float | Decimal)
        and not isinstance(value, bool)
    ):
        return round(value) if column.digits == 0 else round(value, column.digits)
    raise GuanjiaError(
        f"column {column.heading}",
        f"holds {type(value).__name__} {str(value)[:40]!r}, which is no {column.kind}",
        "give the column the kind of its values",
    )


def shown_row(
    columns: Sequence[ExportColumn], row: Sequence[Any], mask: bool, export_id: str
) -> list[Any]:
    """Return a row as an export holds it, the number of the export last.

    Parameters
    ----------
    columns : sequence of ExportColumn
        The columns.
    row : sequence
        One value a column.
    mask : bool
        Mask what is personal.
    export_id : str
        Number of the export.
    """
    values = [shown_value(column, value, mask) for column, value in zip(columns, row, strict=True)]
    return [*values, export_id]


def with_mark(columns: Sequence[ExportColumn]) -> list[ExportColumn]:
    """Append the column of the export's number."""
    return [*columns, ExportColumn("export_id", EXPORT_HEADING, "id")]
