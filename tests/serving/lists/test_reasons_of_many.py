"""Reasons of many customers at once are those of each alone."""

from collections.abc import Callable
from datetime import date

import pyarrow.parquet as pq
import pytest

from features.lake import Lake
from serving.lists import reasons
from serving.lists.definitions.definition import ListDefinition
from serving.predictions.scores_file import scores_path

DAY = date(2026, 6, 30)
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("model", ["renewal", "churn"])
def test_they_are_the_same_however_they_are_read(
    model: str, copy: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copy("scores")
    definition = ListDefinition(name="a_list", label="名单", model=model)
    rows = pq.read_table(scores_path(lake, DAY), columns=["customer_id", model]).to_pylist()
    ids = [row["customer_id"] for row in rows if row[model] is not None][:40]
    few = reasons.read_reasons(lake, definition, DAY, ids)
    assert {*few} == {*ids}
    assert any(few.values())
    monkeypatch.setattr(reasons, "FEW", 0)
    monkeypatch.setattr(reasons, "BATCH_ROWS", 7)
    assert reasons.read_reasons(lake, definition, DAY, ids) == few
    alone = reasons.read_reasons(lake, definition, DAY, ids[5:6])
    assert alone == {ids[5]: few[ids[5]]}
