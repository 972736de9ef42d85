"""Turn the columns of a frame into what models read: numbers, and texts of categories."""

import numpy as np
import pandas as pd

from features.errors import GuanjiaError


def is_text(column: pd.Series) -> bool:
    """Check whether a column holds texts: categories, and not numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return is_text(pd.Series(column.cat.categories))
    if column.dtype.kind == "O" or isinstance(column.dtype, pd.StringDtype):
        return any(isinstance(value, str) for value in column.dropna().unique())
    return False


def as_texts(column: pd.Series) -> pd.Series:
    """Convert a column to texts, missing as None; whole numbers are written without a point.

    A column of numbers becomes floats as soon as one of them is missing, and is to give the same
    categories as before: 3.0 is "3".
    """
    codes, values = pd.factorize(column.astype(object))
    # The code of a missing value is -1, the last.
    texts = np.array([*map(_text, values), None], dtype=object)
    return pd.Series(texts[codes], index=column.index, dtype=object, name=column.name)


def as_numbers(column: pd.Series) -> pd.Series:
    """Convert a column to float64, missing as NaN.

    Raises
    ------
    GuanjiaError
        If it holds dates, texts or infinite values.
    """
    name = f"column {column.name}"
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
        raise GuanjiaError(
            name,
            "holds dates or spans of time, which no model reads",
            "give it as a number, say the days before the question, or leave it out",
        )
    try:
        numbers = pd.to_numeric(column.astype(object).where(column.notna(), None))
        numbers = numbers.astype("float64")
    except (TypeError, ValueError) as fault:
        raise GuanjiaError(
            name,
            f"holds values that are no numbers ({fault})",
            "clean it, or name it in `categories`",
        ) from fault
    infinite = int(np.isinf(numbers.to_numpy()).sum())
    if infinite:
        raise GuanjiaError(
            name, f"holds {infinite:,} infinite values", "make them missing, or a large number"
        )
    return numbers


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
