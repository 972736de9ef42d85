"""Read the columns of a frame in their roles; what no model could learn from is refused.

The rows that come out have the columns that training reads from tables: `customer_id` for the
group, `as_of` and `matures` where there are dates, `label`, and the features.
"""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from features.errors import GuanjiaError, unknown_name
from features.online.model_tags import FORBIDDEN
from training.estimators.losses import Kind
from training.fitting.datasets import sort_rows
from training.frames.roles import read_dates, read_outcome, read_weights
from training.frames.values import as_numbers, as_texts, is_text

OWN = ("customer_id", "as_of", "matures", "label", "treated", "worth", "arm", "probability")
"""Names that training gives to columns itself."""
MEASURED_AS_NUMBERS = ("age_years", "star_level", "lead_days")
"""Columns by whose values, if the frame has them, the report divides the rows."""
LARGEST = 5_000_000
"""Most rows after weights were written out as rows."""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which column of a frame is what.

    Attributes
    ----------
    outcome : str
        What is predicted.
    time, matures : str, int or None
        Column of the date of the question; column of the day on which its outcome is known, or the
        days until then.
    groups : str or None
        Column of the customers, households or contracts whose rows belong together.
    weights : str or None
        Column that says how many equal rows a row stands for.
    treatment : str or None
        Column that says who was treated.
    worth : str or None
        Column that says what an outcome is worth; it may be a feature too.
    categories : tuple of str
        Columns of numbers that are names, as postal codes are.
    features : tuple of str or None
        Columns to learn from; None: all that have no role.
    """

    outcome: str
    time: str | None = None
    matures: str | int | None = None
    groups: str | None = None
    weights: str | None = None
    treatment: str | None = None
    worth: str | None = None
    categories: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None

    @property
    def columns(self) -> dict[str, str]:
        """Column -> its role, of those that are named."""
        named = {
            "outcome": self.outcome,
            "time": self.time,
            "matures": self.matures,
            "groups": self.groups,
            "weights": self.weights,
            "treatment": self.treatment,
        }
        roles: dict[str, str] = {}
        for role, name in named.items():
            if not isinstance(name, str):
                continue
            if name in roles:
                raise GuanjiaError(
                    f"column {name}", f"is both {roles[name]} and {role}", "name two columns"
                )
            roles[name] = role
        return roles


@dataclass(frozen=True)
class FrameRows:
    """Rows of a frame as training reads them.

    Attributes
    ----------
    frame : pandas.DataFrame
        `customer_id`, `label`, the features, what evaluation measures groups by, and `as_of` and
        `matures` where there are dates; in the order of group and date.
    features : list of str
        Columns to learn from.
    left_out : list of str
        Columns without a role that no model may learn from, as gender.
    """

    frame: pd.DataFrame
    features: list[str]
    left_out: list[str]


def read_rows(frame: pd.DataFrame, roles: Roles, kind: Kind) -> FrameRows:
    """Read the rows of a frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a question.
    roles : Roles
        Which column is what.
    kind : {"probability", "count", "amount"}
        What the outcome is.

    Raises
    ------
    GuanjiaError
        If a column is unknown, or holds what cannot be learned from; it names column, fault, cure.
    """
    _check_names(frame, roles)
    features, left_out = _features(frame, roles)
    columns: dict[str, pd.Series] = {
        "customer_id": _groups(frame, roles.groups),
        **read_dates(frame, roles.time, roles.matures),
        "label": read_outcome(frame[roles.outcome], kind),
    }
    columns |= {name: frame[name] for name in left_out}
    columns |= {name: _feature(frame[name], name in roles.categories) for name in features}
    rows = pd.DataFrame({name: column.to_numpy() for name, column in columns.items()})
    if roles.treatment is not None:
        rows["treated"] = read_outcome(frame[roles.treatment], "probability").to_numpy()
    if roles.worth is not None:
        rows["worth"] = as_numbers(frame[roles.worth]).to_numpy()
    if roles.weights is not None:
        counts = read_weights(frame[roles.weights], LARGEST)
        # A row stands there as often as it weighs: so every loss and every figure counts it so.
        rows = rows.loc[rows.index.repeat(counts)].reset_index(drop=True)
    return FrameRows(sort_rows(rows), features, left_out)


def _check_names(frame: pd.DataFrame, roles: Roles) -> None:
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names):
        odd = next(name for name in names if not isinstance(name, str))
        raise GuanjiaError(f"column {odd!r}", "has a name that is no text", "rename it")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise GuanjiaError(f"column {twice}", "is in the frame twice", "drop or rename one of them")
    worth = [roles.worth] if roles.worth else []
    for name in [*roles.columns, *worth, *roles.categories, *(roles.features or ())]:
        if name not in names:
            raise unknown_name("column", name, names)


def _features(frame: pd.DataFrame, roles: Roles) -> tuple[list[str], list[str]]:
    """Return the columns to learn from, and those that no model may learn from."""
    roles_named = roles.columns
    named = roles.features or tuple(name for name in frame if name not in roles_named)
    for name in named:
        if name in roles_named:
            raise GuanjiaError(
                f"column {name}",
                f"is the {roles_named[name]} and a feature",
                "take it out of `features`",
            )
    left_out = [name for name in named if name in FORBIDDEN and name not in OWN]
    features = [name for name in named if name not in left_out]
    for name in features:
        if name in OWN:
            raise GuanjiaError(
                f"column {name}",
                "has a name that training gives to a column of its own",
                "rename it, leave it out of `features`, or name its role",
            )
    if not features:
        raise GuanjiaError("the frame", "has no column to learn from", "add what is known before")
    stray = [name for name in roles.categories if name not in features]
    if stray:
        raise GuanjiaError(
            f"column {stray[0]}", "is named a category and is no feature", "take it out of one"
        )
    return features, left_out


def _groups(frame: pd.DataFrame, name: str | None) -> pd.Series:
    if name is None:
        return pd.Series([f"row {place:09d}" for place in range(len(frame))], dtype=object)
    missing = int(frame[name].isna().sum())
    if missing:
        raise GuanjiaError(
            f"column {name}",
            f"names no group in {missing:,} of {len(frame):,} rows",
            "fill it, or leave those rows out",
        )
    return as_texts(frame[name])


def _feature(column: pd.Series, category: bool) -> pd.Series:
    if not (category or is_text(column)):
        return as_numbers(column)
    if column.name in MEASURED_AS_NUMBERS:
        raise GuanjiaError(
            f"column {column.name}",
            "holds texts, and the report divides rows by it as by a number",
            "give numbers, or another name",
        )
    texts = as_texts(column)
    different = texts.nunique()
    if different > max(20, len(texts) / 2):
        raise GuanjiaError(
            f"column {column.name}",
            f"has {different:,} different texts in {len(texts):,} rows: it names rows, and says "
            "nothing of new ones",
            "leave it out of `features`, or, if rows of one name belong together, give it as "
            "`groups`",
        )
    return texts


def tuple_of(names: Collection[str] | None) -> tuple[str, ...] | None:
    """Convert names to a tuple; one name alone is a tuple of it."""
    if names is None:
        return None
    return (names,) if isinstance(names, str) else tuple(names)
