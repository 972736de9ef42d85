"""Read variables of a DuckDB session as Ibis expressions, so that the SQL can be stored."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from features.contracts.contract import Instant

# Parameters of these functions become fields of an Ibis operation, which has a `name` of its own.


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), dt.date))  # type: ignore[untyped-decorator]
def day_variable(variable: str) -> ir.Value:
    """Read a date of the session."""


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), dt.int64))  # type: ignore[untyped-decorator]
def number_variable(variable: str) -> ir.Value:
    """Read a whole number of the session."""


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), Instant))  # type: ignore[untyped-decorator]
def instant_variable(variable: str) -> ir.Value:
    """Read an instant of the session."""


@ibis.udf.scalar.builtin(name="getvariable", signature=((dt.string,), dt.string))  # type: ignore[untyped-decorator]
def text_variable(variable: str) -> ir.Value:
    """Read a text of the session."""
