"""One customer is told what many are: the same numbers, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.estimators.calibration import Calibration
from training.estimators.encoding import Encoding

KINDS = [
    Calibration("identity", [], []),
    Calibration("platt", [0.9], [-0.1]),
    Calibration("isotonic", [0.1, 0.4, 0.8], [0.05, 0.5, 0.7]),
    Calibration("scale", [1.25], []),
]


@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.kind)
@given(raw=st.floats(0, 1))
def test_a_calibration_tells_one_as_it_tells_many(one: Calibration, raw: float) -> None:
    told = one.apply_one(raw)
    assert type(told) is float
    assert np.array([told]).tobytes() == one.apply(np.array([raw])).tobytes()


@pytest.mark.parametrize("raw", [0.0, 1.0])
def test_what_is_certain_is_held_off_the_end(raw: float) -> None:
    for one in KINDS[:2]:
        assert np.isfinite(one.apply_one(raw))
    assert 0 < KINDS[1].apply_one(raw) < 1


@pytest.mark.parametrize("read", [None, {"days", "branch"}])
def test_a_row_is_that_of_the_matrix(read: set[str] | None) -> None:
    encoding = Encoding(["days", "branch", "new", "paid"], {"branch": ["B1", "B2"]})
    rows = [
        {"days": 7, "branch": "B2", "new": True, "paid": 12.5},
        {"days": None, "branch": None, "new": None, "paid": None},
        {"days": 0, "branch": "never seen", "new": False, "paid": -1},
    ]
    columns = {name: [row[name] for row in rows] for name in encoding.features}
    matrix = encoding.matrix(columns, used=read)
    row_of = encoding.row_encoder(read)
    for row, expected in zip(rows, matrix, strict=True):
        np.testing.assert_array_equal(row_of(row), expected)
    first = [7.0, 1.0, 1.0, 12.5] if read is None else [7.0, 1.0, 0.0, 0.0]
    assert row_of(rows[0]).tolist() == first
