"""How values are kept, so that they sort and compare alike on SQLite and on Postgres."""

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
"""A JSON value; kept as text, with Chinese as it is read."""


class JsonText(str):
    """A document that is JSON already, as `written` would write it."""

    __slots__ = ()


class Text(TypeDecorator[str]):
    """A text; one that Postgres could not keep is refused on SQLite too."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The text itself."""
        if value is not None:
            if "\0" in value:
                raise ValueError("a text has a NUL character")
            if not value.isascii():
                value.encode()  # half a surrogate pair is no text
        return value


class Instant(TypeDecorator[datetime]):
    """An instant, kept as microseconds since 1970 in UTC; one without a time zone is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Microseconds of an instant."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The instant, in UTC."""
        return None if value is None else instant_of(value)


class Yuan(TypeDecorator[Decimal]):
    """An amount in yuan, kept as whole ten-thousandths: a text message costs less than a fen."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Ten-thousandths of an amount; half of one is rounded to even."""
        return None if value is None else int((value * YUAN).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """The amount."""
        return None if value is None else value / YUAN


def new_id(at: datetime) -> str:
    """An identifier that is unique, cannot be guessed and sorts by time.

    Rows of one hour lie side by side in an index then, and writing touches few of its pages.
    """
    return first_id(at) + secrets.token_hex(8)


def first_id(at: datetime) -> str:
    """What sorts before every `new_id` of an instant, and after those of the instants before."""
    return f"{microseconds(at):014x}"


def column(
    name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]], label: str, **more: Any
) -> Column[Any]:
    """A column with its Chinese label; it holds a value in every row unless `nullable=True`."""
    return Column(name, kind, info={"label": label}, **({"nullable": False} | more))


def written(value: Any) -> str:
    """JSON as it is kept: Chinese readable, no spaces, no NaN, which Postgres would refuse."""
    if isinstance(value, JsonText):
        return value
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=jsonable
    )
