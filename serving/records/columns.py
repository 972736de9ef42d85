"""Column types and ids of the records: values sort and compare alike on SQLite and Postgres."""

import json
import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Dialect, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from features.instants import instant_of, microseconds
from features.jsonable import jsonable

YUAN = Decimal(10_000)

Document = JSON(none_as_null=True)
"""A JSON value, stored as text with readable Chinese."""


class JsonText(str):
    """A document that is already JSON text, in the form of `to_json`."""

    __slots__ = ()


class Text(TypeDecorator[str]):
    """A text; one that Postgres could not store is refused on SQLite too."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the text as it is; refuse NUL characters and lone surrogates."""
        if value is not None:
            if "\0" in value:
                raise ValueError("a text has a NUL character")
            if not value.isascii():
                value.encode()  # half a surrogate pair is no text
        return value


class Instant(TypeDecorator[datetime]):
    """An instant, stored as microseconds since 1970 in UTC; it must have a time zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Convert an instant to microseconds."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert microseconds to an instant in UTC."""
        return None if value is None else instant_of(value)


class Yuan(TypeDecorator[Decimal]):
    """An amount in yuan, stored as whole ten-thousandths: a text message costs less than a fen."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Convert an amount to ten-thousandths; half of one is rounded to even."""
        return None if value is None else int((value * YUAN).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """Convert ten-thousandths to an amount in yuan."""
        return None if value is None else value / YUAN


def new_id(at: datetime) -> str:
    """Make an identifier that is unique, cannot be guessed and sorts by time.

    Rows of one hour lie side by side in an index, so that a write touches few of its pages.
    """
    return first_id(at) + secrets.token_hex(8)


def first_id(at: datetime) -> str:
    """Return the lower bound of every `new_id` of an instant; earlier instants sort below it."""
    return f"{microseconds(at):014x}"


def column(
    name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]], label: str, **more: Any
) -> Column[Any]:
    """Define a column with its Chinese label, not null unless `nullable=True`.

    Parameters
    ----------
    name : str
        Name in SQL.
    kind : sqlalchemy TypeEngine
        Type of the values.
    label : str
        Chinese label.
    **more
        Further arguments of `sqlalchemy.Column`.
    """
    return Column(name, kind, info={"label": label}, **({"nullable": False} | more))


def to_json(value: Any) -> str:
    """Write a value as the records store JSON: readable Chinese, no spaces, no NaN."""
    if isinstance(value, JsonText):
        return value
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=jsonable
    )
