"""Read variables of a DuckDB session as Ibis expressions: SQL that reads them can be kept."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from features.contracts.contract import Instant


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), dt.date))  # type: ignore[untyped-decorator]
def day_variable(name: str) -> ir.Value:
    """Read a date of the session."""


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), Instant))  # type: ignore[untyped-decorator]
def instant_variable(name: str) -> ir.Value:
    """Read an instant of the session."""
