"""What a table contract is: a pandera class plus its label, key and event time.

`features.contracts.tables` declares the contracts, `features.checking.check` holds rows against
them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis as pa
from pandera.ibis import DataFrameModel

Instant = dt.Timestamp(timezone="UTC", scale=6)
Day = dt.Date()
Money = dt.Decimal(14, 2)
Text = dt.String()
Whole = dt.Int64()
Real = dt.Float64()
Flag = dt.Boolean()


def column(
    label: str,
    *,
    unit: str | None = None,
    milestone: bool = False,
    personal: bool = False,
    hour: bool = False,
    **checks: Any,
) -> Any:
    """A column: Chinese label, unit, whether it is a milestone, whether it is personal data,
    whether the hour of its instant matters."""
    metadata = {
        "label": label,
        "unit": unit,
        "milestone": milestone,
        "personal": personal,
        "hour": hour,
    }
    return pa.Field(metadata=metadata, **checks)


class RawTable(DataFrameModel):
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
    schema : pandera.ibis.DataFrameSchema
        Columns, types, ranges and rules.
    """

    name: str
    label: str
    grain: str
    key: str
    event_time: str
    required: bool
    schema: pa.DataFrameSchema

    @property
    def columns(self) -> dict[str, dt.DataType]:
        """Column name -> Ibis type, in the declared order, `recorded_at` last."""
        types = {name: found.dtype.type for name, found in self.schema.columns.items()}
        return {name: types[name] for name in sorted(types, key=lambda n: n == "recorded_at")}

    @property
    def milestones(self) -> list[str]:
        """Names of the timestamps that are known only from the moment they happen."""
        columns = self.schema.columns.items()
        return [name for name, found in columns if (found.metadata or {}).get("milestone")]

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
        columns = self.schema.columns.items()
        hours = [name for name, found in columns if (found.metadata or {}).get("hour")]
        return {name.removesuffix("_at") + "_hour": name for name in hours}


CONTRACTS: dict[str, Contract] = {}


def civil_day(instant: str) -> str:
    """Name of the column that holds the civil day of an instant.

    Examples
    --------
    >>> civil_day("occurred_at")
    'occurred_on'
    """
    return instant.removesuffix("_at") + "_on"


def contract(
    *, label: str, key: str, event_time: str, required: bool = False
) -> Callable[[type[RawTable]], type[RawTable]]:
    """Register a pandera class as the contract of the raw table named like it."""

    def register(model: type[RawTable]) -> type[RawTable]:
        name = "".join("_" + c.lower() if c.isupper() else c for c in model.__name__)[1:]
        grain = (model.__doc__ or "").strip()
        schema = model.to_schema()
        CONTRACTS[name] = Contract(name, label, grain, key, event_time, required, schema)
        return model

    return register
