"""Read the outcome, the dates and the weights of a frame."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import GuanjiaError
from training.estimators.losses import Kind
from training.frames.values import as_numbers, is_text

FEW = 6
"""Values of an outcome that an error lists."""


def read_outcome(column: pd.Series, kind: Kind) -> pd.Series:
    """Read an outcome: booleans of a probability, else numbers.

    Parameters
    ----------
    column : pandas.Series
        The outcome of every row.
    kind : {"probability", "count", "amount"}
        What it is.

    Returns
    -------
    pandas.Series
        Shape (rows,): bool, or float64.

    Raises
    ------
    GuanjiaError
        If outcomes are missing, all the same, or not of that kind.
    """
    name = f"column {column.name}"
    missing = int(column.isna().sum())
    if missing:
        raise GuanjiaError(
            name,
            f"has no outcome in {missing:,} of {len(column):,} rows",
            "leave those rows out: nobody can learn from what is not known",
        )
    different = column.unique()
    if len(different) < 2:
        raise GuanjiaError(
            name,
            f"is {different[0]!s} in every row" if len(different) else "has no rows",
            "add rows with another outcome: there is nothing to learn from one",
        )
    if is_text(column):
        raise GuanjiaError(
            name,
            f"holds texts ({_listed(different)}) and is no {kind}",
            f'compare it first, as in frame["{column.name}"] == "{sorted(map(str, different))[0]}"',
        )
    numbers = as_numbers(column)
    if kind == "probability":
        if not numbers.isin([0.0, 1.0]).all():
            raise GuanjiaError(
                name,
                f"has {len(different):,} values ({_listed(different)}) and is no yes or no",
                'give kind="count" or kind="amount", or compare it first',
            )
        return numbers.astype(bool)
    lowest = numbers.min()
    if kind == "count" and (lowest < 0 or (numbers != numbers.round()).any()):
        raise GuanjiaError(
            name, "holds values that are no counts 0, 1, 2, ...", 'give kind="amount", or round it'
        )
    if kind == "amount" and lowest <= 0:
        raise GuanjiaError(
            name,
            f"has {int((numbers <= 0).sum()):,} amounts that are not above 0",
            "leave those rows out, and predict with a model of its own whether there is an amount",
        )
    return numbers


def read_dates(
    frame: pd.DataFrame, time: str | None, matures: str | int | None
) -> dict[str, pd.Series]:
    """Read the dates of the questions and the days on which their outcomes are known.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows.
    time : str or None
        Column of the dates; None: there are none, and nothing is returned.
    matures : str, int or None
        Column of the days, or how many days after the question an outcome is known.

    Raises
    ------
    GuanjiaError
        If only one of the two is given, a date is missing or none, or an outcome is known before
        its question.
    """
    if time is None and matures is None:
        return {}
    if time is None:
        raise GuanjiaError("matures", "is given and `time` is not", "name the column of the dates")
    if matures is None:
        raise GuanjiaError(
            f"time {time}",
            "is given without `matures`, so a later slice could hold outcomes an earlier one knows",
            "name the column of the day on which the outcome is known, or give the days until then",
        )
    as_of = _days(frame[time])
    if isinstance(matures, str):
        ripe = _days(frame[matures])
    else:
        ripe = as_of + pd.Timedelta(days=int(matures))
    early = int((ripe < as_of).sum())
    if early:
        raise GuanjiaError(
            f"matures {matures}",
            f"lies before {time} in {early:,} rows: an outcome known before its question",
            "check the two columns",
        )
    return {"as_of": as_of, "matures": ripe}


def read_weights(column: pd.Series, largest: int) -> npt.NDArray[np.int64]:
    """Read how many equal rows each row stands for.

    Parameters
    ----------
    column : pandas.Series
        Whole numbers from 0.
    largest : int
        Most rows they may stand for together.

    Raises
    ------
    GuanjiaError
        If a weight is missing, negative or no whole number, or they are too many rows.
    """
    numbers = as_numbers(column)
    name = f"column {column.name}"
    for bad, fault in (
        (numbers.isna(), "are missing"),
        (numbers < 0, "are negative"),
        (numbers != numbers.round(), "are no whole numbers, and a row cannot stand there in part"),
    ):
        if bad.any():
            raise GuanjiaError(
                name,
                f"has {int(bad.sum()):,} weights that {fault}",
                "say how many equal rows a row stands for; 0 leaves it out",
            )
    total = int(numbers.sum())
    if total > largest:
        raise GuanjiaError(
            name,
            f"makes {len(column):,} rows stand for {total:,}, and {largest:,} are the most",
            "divide the weights by a number and round them",
        )
    return np.asarray(numbers, np.int64)


def _days(column: pd.Series) -> pd.Series:
    try:
        days = pd.to_datetime(column.astype(object) if column.dtype.kind != "M" else column)
    except (TypeError, ValueError) as fault:
        raise GuanjiaError(
            f"column {column.name}", f"holds values that are no dates ({fault})", "parse it first"
        ) from fault
    missing = int(days.isna().sum())
    if missing:
        raise GuanjiaError(
            f"column {column.name}",
            f"has no date in {missing:,} of {len(days):,} rows",
            "fill it, or leave those rows out",
        )
    if days.dt.tz is not None:
        days = days.dt.tz_localize(None)
    return days.dt.normalize()


def _listed(values: npt.ArrayLike) -> str:
    """List a few values of a column."""
    texts = sorted({str(value) for value in np.asarray(values)})
    more = ", ..." if len(texts) > FEW else ""
    return ", ".join(texts[:FEW]) + more
