"""Declare what a raw table holds: a class with a column an annotation and a method a rule.

`features.contracts.tables` declares the contracts with what stands here,
`features.contracts.rules` says where a row breaks one.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

Instant = dt.Timestamp(timezone="UTC", scale=6)
Day = dt.Date()
Money = dt.Decimal(14, 2)
Text = dt.String()
Whole = dt.Int64()
Real = dt.Float64()
Flag = dt.Boolean()


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a raw table, but for its type.

    Attributes
    ----------
    label : str
        The Chinese label.
    nullable : bool
        Whether a row may come without it.
    unit : str or None
        What a number counts.
    milestone : bool
        Whether it is a timestamp that is known only from the moment it happens.
    personal : bool
        Whether it is personal data.
    hour : bool
        Whether the hour of its instant matters.
    allowed : tuple of str
        The values that there are; empty: any.
    at_least, above : int or None
        The least value; the value that all are above.
    between : (int, int) or None
        The least and the largest value.
    """

    label: str
    nullable: bool = False
    unit: str | None = None
    milestone: bool = False
    personal: bool = False
    hour: bool = False
    allowed: tuple[str, ...] = ()
    at_least: int | None = None
    above: int | None = None
    between: tuple[int, int] | None = None


def column(label: str, *, allowed: Collection[str] = (), **features: Any) -> Any:
    """Declare a column; the annotation beside it is its type.

    Parameters
    ----------
    label : str
        The Chinese label.
    allowed : collection of str
        The values that there are, in the order in which they are listed; empty: any.
    **features
        The other fields of `Column`.
    """
    return Column(label=label, allowed=tuple(allowed), **features)


@dataclass(frozen=True)
class Rule:
    """A rule across the columns of one row.

    Attributes
    ----------
    sentence : str
        The rule, as whoever delivers the rows reads it.
    holds : callable
        Rows -> where the rule holds, as an expression.
    """

    sentence: str
    holds: Callable[[ir.Table], ir.Value]


def rule(sentence: str) -> Callable[[Callable[[ir.Table], ir.Value]], Rule]:
    """Declare the decorated function of the rows as a rule with this sentence."""
    return lambda holds: Rule(sentence, holds)


class RawTable:
    """What every raw table has: the instant at which we came to know the row."""

    recorded_at: Instant = column("入库时间")


@dataclass(frozen=True)
class Contract:
    """One raw table as declared.

    Attributes
    ----------
    name : str
        The table's name, which is also its folder's: `claim_movements`.
    label : str
        The Chinese label.
    grain : str
        What one row is, as a sentence.
    key : str
        The column that identifies what the row is about; with `recorded_at` it is unique.
    event_time : str
        The column that says when it happened.
    required : bool
        Whether the product works without the table. A table that is absent has null tags.
    columns : mapping of str to ibis type
        Types of the columns by name, in the declared order, `recorded_at` last.
    declared : mapping of str to Column
        What else is declared of each of them.
    rules : tuple of Rule
        What must hold across the columns of a row.
    """

    name: str
    label: str
    grain: str
    key: str
    event_time: str
    required: bool
    columns: Mapping[str, dt.DataType]
    declared: Mapping[str, Column]
    rules: tuple[Rule, ...]

    @property
    def milestones(self) -> list[str]:
        """Names of the timestamps that are known only from the moment they happen."""
        return [name for name, declared in self.declared.items() if declared.milestone]

    @property
    def civil_days(self) -> dict[str, str]:
        """Civil day -> the instant it is the day of, in the insurer's time zone.

        Checked rows have these columns beside the instants: a window of days is then a difference
        of dates, which any engine computes alike and fast.
        """
        instants = [name for name, type_ in self.columns.items() if isinstance(type_, dt.Timestamp)]
        return {civil_day(name): name for name in instants if name != "recorded_at"}

    @property
    def civil_hours(self) -> dict[str, str]:
        """Hour of the civil day, 0 to 23 -> the instant it belongs to, where the hour matters."""
        hours = [name for name, declared in self.declared.items() if declared.hour]
        return {name.removesuffix("_at") + "_hour": name for name in hours}


def civil_day(instant: str) -> str:
    """Name of the column that holds the civil day of an instant.

    Examples
    --------
    >>> civil_day("occurred_at")
    'occurred_on'
    """
    return instant.removesuffix("_at") + "_on"


def contract_of(
    model: type[RawTable], label: str, key: str, event_time: str, *, required: bool = False
) -> Contract:
    """Read the contract that a class declares; the table is named like the class.

    Parameters
    ----------
    model : subclass of RawTable
        Annotations with `column(...)` beside them, and functions with `@rule(...)`; its docstring
        says what one row is.
    label, key, event_time, required
        As in `Contract`.
    """
    name = "".join("_" + c.lower() if c.isupper() else c for c in model.__name__)[1:]
    types = {**model.__annotations__, **RawTable.__annotations__}
    return Contract(
        name=name,
        label=label,
        grain=(model.__doc__ or "").strip(),
        key=key,
        event_time=event_time,
        required=required,
        columns=types,
        declared={name: getattr(model, name) for name in types},
        rules=tuple(value for value in vars(model).values() if isinstance(value, Rule)),
    )
