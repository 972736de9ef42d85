"""Declare what a raw table holds, as a class: its annotations are columns, its methods rules.

`features.contracts.tables` declares the contracts with these classes; `features.contracts.rules`
finds the rows that break one.
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
Integer = dt.Int64()
Real = dt.Float64()
Flag = dt.Boolean()


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a raw table, without its type.

    Attributes
    ----------
    label : str
        The Chinese label.
    nullable : bool
        True if a row may lack it.
    unit : str or None
        Unit of a number: "yuan", "kW".
    milestone : bool
        True if it is a timestamp that is known only from the moment it happens.
    personal : bool
        True if it is personal data.
    hour : bool
        True if tags also read the hour of its instant.
    allowed : tuple of str
        The allowed values; empty: any.
    at_least, above : int or None
        Lower bound, included; lower bound, excluded.
    between : (int, int) or None
        The lowest and the highest allowed value.
    decisive : bool
        True if a cell that cannot be read holds its row back although it may be absent, because
        its absence says something: a term without a day of cancellation is not cancelled.
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
    decisive: bool = False

    @property
    def can_be_left_out(self) -> bool:
        """Check whether a cell that breaks a rule is left out, so that its row stays."""
        return self.milestone or (self.nullable and not self.decisive)


def column(label: str, *, allowed: Collection[str] = (), **features: Any) -> Any:
    """Declare a column; the annotation beside it is its type.

    Parameters
    ----------
    label : str
        The Chinese label.
    allowed : collection of str
        The allowed values, in the order in which documents list them; empty: any.
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
        The rule in words, for the people who deliver the rows.
    holds : callable of ibis.Table to ibis boolean
        Returns, for each row, whether the rule holds.
    leaves_out : str or None
        The cell that is left out of a row that breaks the rule; None: the row is held back.
    """

    sentence: str
    holds: Callable[[ir.Table], ir.Value]
    leaves_out: str | None = None


def rule(
    sentence: str, *, leaves_out: str | None = None
) -> Callable[[Callable[[ir.Table], ir.Value]], Rule]:
    """Declare the decorated function as a rule, with this sentence.

    Parameters
    ----------
    sentence : str
        The rule in words.
    leaves_out : str, optional
        Column that may be absent and of which the rule speaks. A milestone that comes later must
        not take its row out of the past, nor a birthday its customer out of every sum: the cell
        alone is left out where the rule is broken.
    """
    return lambda holds: Rule(sentence, holds, leaves_out)


class RawTable:
    """Base of all raw tables: each has the instant at which we came to know the row."""

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
        What one row stands for, as a sentence.
    key : str
        The column that identifies what the row is about; with `recorded_at` it is unique.
    event_time : str
        The column that says when it happened.
    required : bool
        True if Guanjia does not work without the table. Tags of an absent table are null.
    columns : mapping of str to ibis type
        Types of the columns by name, in the declared order, `recorded_at` last.
    declared : mapping of str to Column
        Declarations of the columns, by name.
    rules : tuple of Rule
        Rules across the columns of a row.
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
        """Columns with the civil day of an instant (insurer's time zone) -> column of the instant.

        Checked rows have these columns beside the instants: a window of days is then a difference
        of dates, which all engines compute alike and fast.
        """
        instants = [name for name, type_ in self.columns.items() if isinstance(type_, dt.Timestamp)]
        return {civil_day(name): name for name in instants if name != "recorded_at"}

    @property
    def civil_hours(self) -> dict[str, str]:
        """Columns with the hour of an instant (0 to 23, insurer's time zone) -> its column."""
        hours = [name for name, declared in self.declared.items() if declared.hour]
        return {name.removesuffix("_at") + "_hour": name for name in hours}


def civil_day(instant: str) -> str:
    """Name the column that holds the civil day of an instant.

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
    label, key, event_time : str
        Chinese label, key column and event time, as in `Contract`.
    required : bool
        True if Guanjia does not work without the table.
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


def register_contract(
    contracts: dict[str, Contract], *, label: str, key: str, event_time: str, required: bool = False
) -> Callable[[type[RawTable]], type[RawTable]]:
    """Return a decorator that adds the contract of a class to others.

    Parameters
    ----------
    contracts : dict of str to Contract
        Contracts by table; the new one is added.
    label, key, event_time : str
        Chinese label, key column and event time, as in `Contract`.
    required : bool
        True if Guanjia does not work without the table.
    """

    def register(model: type[RawTable]) -> type[RawTable]:
        declared = contract_of(model, label, key, event_time, required=required)
        contracts[declared.name] = declared
        return model

    return register
