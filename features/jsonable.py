"""Convert values to types of JSON, by one rule for files, records, logs and commands."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import PurePath
from typing import Any


def jsonable(value: Any) -> Any:
    """Convert a value, and everything inside it, to types of JSON.

    Parameters
    ----------
    value : object
        Dataclasses, pydantic models and mappings become objects, sequences and sets arrays; a
        decimal is text and stays exact; a date, instant or time of day is text in ISO form; a
        float that is not finite is null.

    Raises
    ------
    TypeError
        If the value, or anything inside it, is of another type.

    Examples
    --------
    >>> jsonable({"value": Decimal("12.30"), "on": date(2026, 6, 30), "rate": float("nan")})
    {'value': '12.30', 'on': '2026-06-30', 'rate': None}
    """
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
    # Pydantic and NumPy are recognised by their methods, so that this module imports neither.
    if hasattr(value, "model_dump"):
        return jsonable(value.model_dump(mode="json"))
    if hasattr(value, "item"):
        return jsonable(value.item())
    return _single(value)


def _single(value: Any) -> str | int | float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, PurePath):
        return str(value)
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} has no form in JSON")
