"""What values become in JSON: exact, readable, and never a number that is none."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from features.jsonable import jsonable


@dataclass(frozen=True)
class Row:
    on: date
    amounts: tuple[Decimal, ...]


class Answer(BaseModel):
    at: datetime
    share: float


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.1, 0.1),
        (float("nan"), None),
        (float("-inf"), None),
        ("一", "一"),
        (Decimal("12.30"), "12.30"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-7"), "0.0000000"),
        (date(2026, 6, 30), "2026-06-30"),
        (datetime(2026, 6, 30, 8, tzinfo=UTC), "2026-06-30T08:00:00+00:00"),
        (time(21, 30), "21:30:00"),
        (Path("raw/claims"), "raw/claims"),
        (np.float64(0.5), 0.5),
        (np.float32("nan"), None),
        (np.int64(7), 7),
        (np.bool_(True), True),
        ({1: [date(2026, 1, 1)], "a": ()}, {"1": ["2026-01-01"], "a": []}),
        (MappingProxyType({"a": float("inf")}), {"a": None}),
        (frozenset({"x"}), ["x"]),
        (Row(date(2026, 1, 2), (Decimal("0.10"),)), {"on": "2026-01-02", "amounts": ["0.10"]}),
        (
            Answer(at=datetime(2026, 1, 2, tzinfo=UTC), share=float("nan")),
            {"at": "2026-01-02T00:00:00Z", "share": None},
        ),
    ],
)
def test_each_kind_of_value(value: Any, told: Any) -> None:
    found = jsonable(value)
    assert found == told
    assert type(found) is type(told)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("value", [object(), b"x", 1j, Row, [object()]])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="has no form in JSON"):
        jsonable(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_what_json_knows_stays_as_it_is(value: Any) -> None:
    assert json.dumps(jsonable(value)) == json.dumps(value)
